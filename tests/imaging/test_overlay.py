"""Pictures of heat maps."""

from typing import Any

import cv2
import numpy as np
import pytest

from cxr_edge.imaging import overlay
from cxr_edge.imaging.fit import SIDE, fit
from cxr_edge.imaging.overlay import HeatMap, as_png, draw_overlay

GAP = 8
UNIT = "logit of each place above the threshold's"


def heat_of(values: Any, label: str = "PNEUMONIA") -> HeatMap:
    return HeatMap(np.asarray(values, np.float32), label, UNIT, 2.0)


def halves(picture: np.ndarray, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the image and the image under its heat map, cut out of a picture."""
    rows, columns = image.shape
    left = (picture.shape[1] - 2 * columns - GAP) // 2
    start = left + columns + GAP
    return picture[:rows, left : left + columns], picture[:rows, start : start + columns]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """Texts that are drawn, each with its left end and its width."""
    found: list[tuple[str, int, int]] = []
    write = overlay._write

    def note(picture: np.ndarray, text: str, left: int, baseline: int) -> None:
        found.append((text, left, overlay._width(text)))
        write(picture, text, left, baseline)

    monkeypatch.setattr(overlay, "_write", note)
    return found


@pytest.mark.parametrize(
    ("width", "height"), [(1500, 400), (900, 900), (400, 1500), (3000, 90), (40, 30), (7, 3000)]
)
def test_a_picture_is_bounded_and_keeps_the_proportions(width: int, height: int) -> None:
    """The longer side is always the same, whatever the file's size and that of its pixels."""
    pixels = np.full((max(1, height // 2), max(1, width // 2)), 90, np.uint8)
    image = fit(pixels, width, height)
    assert max(image.shape) == SIDE
    assert image.shape[0] / image.shape[1] == pytest.approx(height / width, rel=0.2, abs=0.01)
    picture = draw_overlay(image, heat_of(np.ones((4, 4))), ["one line"])
    assert picture.dtype == np.uint8
    assert picture.shape[1] <= 2 * SIDE + GAP
    assert picture.shape[0] <= SIDE + 250
    original, _ = halves(picture, image)
    np.testing.assert_array_equal(original, np.repeat(image[:, :, np.newaxis], 3, axis=2))


@pytest.mark.parametrize("place", [(0, 0), (0, 3), (2, 1)])
def test_color_is_where_the_evidence_is(place: tuple[int, int]) -> None:
    """A map is stretched over the image as the model's input was stretched from it."""
    values = np.full((3, 4), -1.0)
    values[place] = 9.0
    image = fit(np.full((200, 400), 100, np.uint8), 400, 200)
    original, colored = halves(draw_overlay(image, heat_of(values), []), image)
    changed = np.abs(colored.astype(int) - original).sum(axis=2)
    rows, columns = image.shape
    weights = changed / changed.sum()
    middle = (weights.sum(axis=1) @ np.arange(rows), weights.sum(axis=0) @ np.arange(columns))
    assert int(middle[0] * 3 / rows) == place[0]
    assert int(middle[1] * 4 / columns) == place[1]


def test_no_evidence_is_no_color(written: list[tuple[str, int, int]]) -> None:
    """What speaks against the class is not drawn, and the text says that there is nothing."""
    image = fit(np.full((50, 50), 100, np.uint8), 50, 50)
    original, colored = halves(draw_overlay(image, heat_of(-np.ones((4, 4))), []), image)
    np.testing.assert_array_equal(original, colored)
    assert written[0][0] == "No place has evidence for PNEUMONIA, so there are no colors."


def test_next_to_nothing_is_not_drawn_as_much() -> None:
    """Weak evidence, or a map that is nearly flat, does not reach the strongest color."""
    assert heat_of([[0.0, 0.01]]).ends == (0.0, 2.0)
    assert heat_of([[6.0, 6.01]]).ends == pytest.approx((4.01, 6.01))
    assert heat_of([[-3.0, 9.0]]).ends == (0.0, 9.0)
    assert heat_of([[4.0, 9.0]]).ends == (4.0, 9.0)


@pytest.mark.parametrize("label", ["PNEUMONIA", "SIGNS OF " * 9 + "DISEASE", "X" * 200, "肺炎"])
def test_all_text_is_inside_the_picture(label: str, written: list[tuple[str, int, int]]) -> None:
    """Long class names are wrapped, or cut off where they have no spaces."""
    image = fit(np.zeros((90, 30), np.uint8), 30, 90)
    picture = draw_overlay(image, heat_of([[1.0, 5.0]], label), [f"{label}, p = 0.9", "n" * 300])
    assert all(left + width <= picture.shape[1] for _, left, width in written)
    said = " ".join(text for text, *_ in written)
    assert "from weak (violet) to strong (yellow)" in said
    assert "Research use only" in said
    assert {"1", "5"} <= {text for text, *_ in written}


def test_colors_grow_brighter_with_the_evidence() -> None:
    """So that they can be told apart without seeing colors at all."""
    shares = np.linspace(0, 1, 256, dtype=np.float32)[np.newaxis]
    colors = cv2.applyColorMap(np.rint(shares * 255).astype(np.uint8), overlay._COLORS)
    lightness = cv2.cvtColor(colors, cv2.COLOR_BGR2Lab)[0, :, 0].astype(int)
    assert (np.diff(lightness) >= -1).all()
    assert lightness[-1] - lightness[0] > 150


def test_the_file_is_the_picture() -> None:
    """PNG loses nothing, however fast it is packed."""
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    decoded = cv2.imdecode(np.frombuffer(as_png(picture), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoded, picture)
