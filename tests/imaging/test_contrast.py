"""Whether a decoded image shows enough to be classified."""

import numpy as np
import pytest

from cxr_edge.errors import ConstantImage
from cxr_edge.imaging.array import gray_image
from cxr_edge.imaging.contrast import contrast_flags
from cxr_edge.spec.input_spec import InputSpec

LEVELS = np.arange(256, dtype=np.uint8).repeat(20).reshape(64, 80)


@pytest.mark.parametrize(
    ("low", "high", "is_low"), [(0, 255, False), (90, 148, False), (0, 47, True), (208, 255, True)]
)
def test_an_image_of_few_grays_is_flagged(low: int, high: int, is_low: bool) -> None:
    """Wherever they lie, less than a fifth of the gray levels is little."""
    pixels = (low + LEVELS.astype(int) * (high - low) // 255).astype(np.uint8)
    assert contrast_flags(pixels) == (("low-contrast",) if is_low else ())


def test_a_few_bright_pixels_do_not_hide_it() -> None:
    """A white marker in a nearly black image is no contrast."""
    pixels = LEVELS // 16
    pixels[:4, :20] = 255
    assert contrast_flags(pixels) == ("low-contrast",)


@pytest.mark.parametrize(("share", "is_low"), [(0.5, False), (0.69, False), (0.71, True)])
def test_an_image_of_black_and_white_is_flagged(share: float, is_low: bool) -> None:
    """A window that shows little but its ends is told, half an image of black border is not."""
    pixels = np.tile(np.linspace(1, 254, 100).astype(np.uint8), (100, 1))
    black = round(share * 100)
    pixels[:black] = np.where(np.arange(100) < 60, 0, 255)
    assert contrast_flags(pixels) == (("low-contrast",) if is_low else ())


def test_an_image_of_one_gray_is_refused() -> None:
    """There is nothing in it, and the message names the gray."""
    with pytest.raises(ConstantImage, match="every pixel is 77"):
        contrast_flags(np.full((5, 5), 77, np.uint8))


def test_pixels_from_a_program_are_looked_at_too() -> None:
    """An array, even a view with holes, gets the flag that a file of it would get."""
    dim = np.ascontiguousarray(LEVELS // 16)
    assert gray_image(dim[::2, ::-2], InputSpec(8, 8)).source.flags == ("low-contrast",)
