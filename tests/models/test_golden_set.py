"""The golden set of a package, as a file."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.checksums import write_checksums
from cxr_edge.models.golden_set import GoldenArtefact, GoldenImage, GoldenSet, read_golden_set
from cxr_edge.spec.input_spec import InputSpec

SPEC = InputSpec(4, 3, 1)
IMAGES = tuple(
    GoldenImage(name, name.encode(), np.full(SPEC.shape, gray, np.uint8), 2, 0.5)
    for name, gray in (("a.jpg", 3), ("b.png", 200))
)
SET = GoldenSet(SPEC, IMAGES, {"model.onnx": GoldenArtefact((0.25, 0.5), 1e-4)})


def test_a_set_comes_back_as_it_was() -> None:
    """Bytes of the images, pixels, probabilities and tolerances."""
    back = GoldenSet.from_bytes(SET.to_bytes(), "selftest.zip")
    assert back.input == SET.input
    assert back.artefacts == SET.artefacts
    for one, other in zip(back.images, SET.images, strict=True):
        for field in ("name", "data", "gray_levels", "mean_gray_levels"):
            assert getattr(one, field) == getattr(other, field)
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_the_same_set_gives_the_same_bytes() -> None:
    """No clock and no machine is in them, so a package can be made again."""
    assert SET.to_bytes() == replace(SET).to_bytes()
    with zipfile.ZipFile(io.BytesIO(SET.to_bytes())) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"images": ()},
        {"input": InputSpec(3, 4, 1)},
        {"artefacts": {"model.onnx": GoldenArtefact((0.25,), 1e-4)}},
    ],
)
def test_an_impossible_set_is_not_made(wrong: dict[str, Any]) -> None:
    """Images, pixels of the input's shape, one probability per image."""
    with pytest.raises(ValueError, match="expected"):
        replace(SET, **wrong)


@pytest.mark.parametrize("number", [-0.1, 1.1, float("nan")])
def test_a_golden_probability_is_one(number: float) -> None:
    """From 0 to 1; against NaN nothing could ever be held."""
    with pytest.raises(ValueError, match="from 0 to 1"):
        GoldenArtefact((number,), 1e-4)


def rewritten(change: Callable[[dict[str, bytes]], object]) -> bytes:
    """Return the set's zip after a change of its members."""
    with zipfile.ZipFile(io.BytesIO(SET.to_bytes())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def index(**facts: object) -> Callable[[dict[str, bytes]], object]:
    """Return a change of the index."""

    def change(members: dict[str, bytes]) -> None:
        members["selftest.json"] = json.dumps(json.loads(members["selftest.json"]) | facts).encode()

    return change


DAMAGED = {
    "text": b"no zip",
    "empty": b"",
    "half": SET.to_bytes()[: len(SET.to_bytes()) // 2],
    "no index": rewritten(lambda members: members.pop("selftest.json")),
    "no image": rewritten(lambda members: members.pop("films/a.jpg")),
    "no pixels": rewritten(lambda members: members.pop("pixels/a.jpg.npy")),
    "half the pixels": rewritten(
        lambda members: members.update({"pixels/a.jpg.npy": members["pixels/a.jpg.npy"][:-1]})
    ),
    "no JSON": rewritten(lambda members: members.update({"selftest.json": b"{"})),
    "a list": rewritten(lambda members: members.update({"selftest.json": b"[]"})),
    "images a list": rewritten(index(films=["a.jpg"])),
    "text for numbers": rewritten(
        index(artefacts={"model.onnx": {"probabilities": ["1", "0"], "tolerance": 1}})
    ),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_set_is_told(data: bytes) -> None:
    """Whatever is wrong with it, the message names the file and says what to do."""
    with pytest.raises(ModelInvalid, match=r"selftest\.zip: expected the golden images .* again"):
        GoldenSet.from_bytes(data, "selftest.zip")


def test_a_newer_set_is_refused() -> None:
    """This version does not guess at a format that it does not know."""
    with pytest.raises(ModelInvalid, match="install a newer cxr-edge"):
        GoldenSet.from_bytes(rewritten(index(selftest_version=2)), "selftest.zip")


def test_a_set_of_another_recipe_is_refused() -> None:
    """Its pixels were made by other rules, so they say nothing of this version's decode."""
    facts = {"height": 4, "width": 3, "channels": 1, "recipe": "cxr-1", "recipe_sha256": "00"}
    with pytest.raises(ModelInvalid, match=r"recipe cxr-1: this version.s digest"):
        GoldenSet.from_bytes(rewritten(index(input=facts)), "selftest.zip")


def test_a_package_tells_whether_it_has_one(tmp_path: Path) -> None:
    """None where it never had one; an error where one is listed and gone, or was changed."""
    write_checksums(tmp_path)
    assert read_golden_set(tmp_path) is None
    path = tmp_path / "selftest.zip"
    path.write_bytes(SET.to_bytes())
    with pytest.raises(ModelInvalid, match="not those listed"):
        read_golden_set(tmp_path)
    write_checksums(tmp_path)
    assert read_golden_set(tmp_path) is not None
    path.unlink()
    with pytest.raises(ModelInvalid, match="is listed in SHA256SUMS but cannot be read"):
        read_golden_set(tmp_path)
