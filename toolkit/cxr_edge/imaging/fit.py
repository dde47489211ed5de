"""An image at the size at which it is shown, in its own proportions."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE: Final = 512
"""Longer side of an image that is shown, pixels."""


def fit(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Return an image with a longer side of :data:`SIDE`, in the proportions of its source.

    Parameters
    ----------
    pixels
        Gray, shape (rows, columns).
    width, height
        Columns and rows of the source.
    """
    factor = SIDE / max(width, height)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    shrinks = size[0] <= pixels.shape[1] and size[1] <= pixels.shape[0]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), np.uint8)
