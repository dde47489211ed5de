"""The code behind the values of a recipe."""

from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.preprocess import preprocess
from cxr_edge.imaging.rules import DEEP, GRAY, INTERPOLATION
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.recipe import CXR_1, RECIPES, Recipe

RGB = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)


def test_every_value_of_every_recipe_has_its_code() -> None:
    """A recipe cannot ask for what nothing here does."""
    for recipe in RECIPES.values():
        assert recipe.gray in GRAY
        assert recipe.deep in DEEP
        assert {recipe.shrink, recipe.enlarge} <= INTERPOLATION.keys()


def test_gray_is_the_same_wherever_the_color_comes_from() -> None:
    """A file's colors and decoded ones weigh alike."""
    rule = GRAY[CXR_1.gray]
    data = cv2.imencode(".png", RGB[..., ::-1])[1]
    from_file = cv2.imdecode(data, rule.imread[1]).astype(int)
    assert np.abs(rule.from_rgb(RGB) - from_file).max() <= 1


OTHER = {"shrink": "bilinear", "enlarge": "area", "reduced_jpeg": 8}


@pytest.mark.parametrize("value", [field.name for field in fields(Recipe) if field.name != "name"])
def test_every_value_is_obeyed(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another value of a recipe gives another image: none is mere words beside the code."""
    spec = InputSpec(20, 40)
    other = replace(CXR_1, name="cxr-2", **{value: OTHER.get(value, "other")})
    monkeypatch.setitem(
        GRAY, "other", replace(GRAY[CXR_1.gray], imread={1: cv2.IMREAD_REDUCED_GRAYSCALE_2})
    )
    monkeypatch.setitem(DEEP, "other", lambda pixels: ((pixels >> 8).astype(np.uint8), 16))
    noise = RGB[..., 0]
    data = {
        "gray": cv2.imencode(".png", noise)[1],
        "deep": cv2.imencode(".png", noise.astype(np.uint16) * 3)[1],
        "reduced_jpeg": cv2.imencode(".jpg", np.tile(noise, (8, 8)))[1],
    }.get(value, cv2.imencode(".png", noise)[1]).tobytes()
    assert other.digest != CXR_1.digest
    monkeypatch.setitem(RECIPES, "cxr-2", other)
    images = [
        preprocess(decode(data, used), used) for used in (spec, replace(spec, recipe="cxr-2"))
    ]
    assert not np.array_equal(*images)
