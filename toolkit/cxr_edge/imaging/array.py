"""Pixels that are decoded already to a gray image."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import UsageError
from cxr_edge.imaging.color import COLOR, is_colored, spread
from cxr_edge.imaging.contrast import contrast_flags
from cxr_edge.imaging.image import GrayImage, SourceFacts, check_size
from cxr_edge.imaging.rules import GRAY
from cxr_edge.spec.input_spec import InputSpec

ARRAY: Final = "array"
"""Name of the format in the facts about such an image."""


def check_array(pixels: NDArray[np.uint8]) -> None:
    """Refuse an array that cannot be an image.

    Raises
    ------
    UsageError
        It is not uint8 of shape (H, W) or (H, W, 3), it is empty, or some of it is masked.
    """
    if np.ma.is_masked(pixels):
        raise UsageError("expected every pixel, got an array with a mask; fill what is masked")
    is_image = pixels.ndim == 2 or _is_color(pixels)
    if pixels.dtype != np.uint8 or not is_image or not pixels.size:
        raise UsageError(
            "expected pixels in uint8 of shape (height, width) or (height, width, 3), "
            f"got {pixels.dtype} of shape {pixels.shape}"
        )


def gray_image(pixels: NDArray[np.uint8], spec: InputSpec) -> GrayImage:
    """Return pixels as the image that a file of them is decoded to.

    Parameters
    ----------
    pixels
        Gray of shape (H, W), or red, green and blue of shape (H, W, 3); 0 is black.
        :func:`check_array` accepts them.
    spec
        Input of the model that the image is for: its recipe makes gray of color.

    Raises
    ------
    ImageError
        ``too-large`` or ``constant-image``.
    """
    rows, columns = pixels.shape[:2]
    check_size(columns, rows)
    gray, flags = pixels, tuple[str, ...]()
    if _is_color(pixels):
        gray = GRAY[spec.preprocessing.gray].from_rgb(np.ascontiguousarray(pixels))
        flags = (COLOR,) if is_colored(spread(pixels), 8) else ()
    facts = SourceFacts(columns, rows, ARRAY, flags)
    return GrayImage(gray, facts.with_flags(contrast_flags(gray)))


def _is_color(pixels: NDArray[np.uint8]) -> bool:
    return pixels.ndim == 3 and pixels.shape[2] == 3
