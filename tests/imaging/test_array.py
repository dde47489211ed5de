"""Decoded pixels as an image."""

import cv2
import numpy as np
import pytest

from cxr_edge.errors import ConstantImage, TooLarge, UsageError
from cxr_edge.imaging import image as module
from cxr_edge.imaging.array import check_array, gray_image
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.spec.input_spec import InputSpec

SPEC = InputSpec(20, 20)
GRAY = np.random.default_rng(0).integers(0, 256, (40, 30), np.uint8)
RGB = np.random.default_rng(1).integers(0, 256, (40, 30, 3), np.uint8)


def test_gray_pixels_are_taken_as_they_are() -> None:
    """Nothing is done to them, and the facts say where they come from."""
    image = gray_image(GRAY, SPEC)
    np.testing.assert_array_equal(image.pixels, GRAY)
    assert image.source == SourceFacts(30, 40, "array")


def test_colors_become_the_gray_of_a_file() -> None:
    """Red, green and blue weigh as in a PNG of them, and the image is flagged."""
    image = gray_image(RGB[:, ::-1], SPEC)
    from_file = decode(cv2.imencode(".png", RGB[:, ::-1, ::-1])[1].tobytes())
    assert np.abs(image.pixels.astype(int) - from_file.pixels).max() <= 1
    assert image.source.flags == from_file.source.flags == ("color",)


@pytest.mark.parametrize(
    "pixels",
    [GRAY.astype(np.float32), GRAY[0], RGB[..., :2], RGB[np.newaxis], GRAY[:0], GRAY.astype(int)],
)
def test_other_arrays_are_refused(pixels: np.ndarray) -> None:
    """A mistake of the caller is no bad image, and the message says what is expected."""
    with pytest.raises(UsageError, match=r"uint8 of shape \(height, width\)"):
        check_array(pixels)


def test_a_masked_array_is_refused() -> None:
    """Pixels under the mask were left out on purpose; a mask that hides nothing is none."""
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    check_array(np.ma.masked_equal(pixels, 200))
    with pytest.raises(UsageError, match="an array with a mask"):
        check_array(np.ma.masked_equal(pixels, 3))


def test_limits_and_blank_images_are_those_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """An array fails for the same reasons as a file."""
    with pytest.raises(ConstantImage):
        gray_image(np.full((9, 9), 7, np.uint8), SPEC)
    monkeypatch.setattr(module, "MAX_PIXELS", GRAY.size - 1)
    with pytest.raises(TooLarge):
        gray_image(GRAY, SPEC)
