"""DICOM's grayscale pipeline, in numbers alone."""

import numpy as np
import pytest

from cxr_edge.errors import ConstantImage, Corrupt
from cxr_edge.imaging.dicom.lut import Grayscale, Lut, Rescale, Window, scale, through_table


def test_a_linear_window_is_the_standards() -> None:
    """PS3.3 C.11.2.1.2.1: the ends lie half a value inside, and beyond is black or white."""
    window = Window(2048, 4096)
    shown = window(np.array([-1.0, 0.0, 2047.5, 4095.0, 5000.0]))
    assert shown.tolist() == [0, 0, 0.5, 1, 1]


def test_an_exact_window_has_its_ends_as_written() -> None:
    """PS3.3 C.11.2.1.3.2: center minus and plus half the width."""
    shown = Window(100, 50, "LINEAR_EXACT")(np.array([75.0, 100.0, 125.0]))
    assert shown.tolist() == [0, 0.5, 1]


def test_a_sigmoid_window_is_half_at_its_center() -> None:
    """PS3.3 C.11.2.1.3.1, without an overflow far from the center."""
    low, middle, high = Window(100, 1, "SIGMOID")(np.array([-1e9, 100.0, 1e9]))
    assert middle == 0.5
    assert low == pytest.approx(0)
    assert high == pytest.approx(1)


def test_a_window_of_width_1_is_a_step() -> None:
    """LINEAR may be as narrow as one value; the other functions may be narrower, none of 0."""
    assert Window(10, 1)(np.array([9.0, 10.0])).tolist() == [0, 1]
    Window(10, 0.5, "LINEAR_EXACT")
    for width, function in ((0.5, "LINEAR"), (0, "SIGMOID")):
        with pytest.raises(Corrupt, match="forbids"):
            Window(10, width, function)


def test_a_table_holds_at_its_ends() -> None:
    """Values before the first entry get it, and those behind the last get that."""
    table = Lut(10, 8, np.array([5, 6, 250]))
    assert table(np.array([0, 10, 11, 12, 99])).tolist() == [5, 5, 6, 250, 250]
    assert table.top == 255
    assert Lut(0, 8, np.array([300])).top == 511
    with pytest.raises(Corrupt):
        Lut(0, 8, np.array([]))


@pytest.mark.parametrize("inverted", [False, True])
def test_padding_is_black_whatever_the_polarity(inverted: bool) -> None:
    """It passes none of the steps, and an image of nothing else has no picture."""
    grayscale = Grayscale(Rescale(), None, inverted, (0, 255), padding=(7, 9))
    shown = grayscale(np.array([[0, 8, 255]], np.uint8), np.uint8)
    assert shown.tolist() == [[255, 0, 0] if inverted else [0, 0, 255]]
    with pytest.raises(ConstantImage):
        grayscale(np.array([[7, 8, 9, 40]], np.uint8), np.uint8)


def test_a_table_of_all_values_gives_what_each_pixel_gives() -> None:
    """Computing per value instead of per pixel changes no pixel, below zero too."""
    stored = np.random.default_rng(0).integers(-(1 << 15), 1 << 15, (40, 40)).astype(np.int16)

    def show(values: np.ndarray) -> np.ndarray:
        return scale(values, -20_000, 20_000, np.uint8)

    np.testing.assert_array_equal(through_table(show, stored), show(stored))


@pytest.mark.parametrize("ends", [(5, 5), (5, 4), (0, float("inf")), (float("nan"), 1)])
def test_a_range_must_be_one(ends: tuple[float, float]) -> None:
    """Nothing is divided by a range of no width."""
    with pytest.raises(Corrupt):
        scale(np.arange(5), *ends, np.uint8)
