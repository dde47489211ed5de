"""Whether channels show color, or three times the same gray."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

COLOR: Final = "color"
"""Flag of an image that shows color."""

_MOST: Final = 1 / 16
"""Largest difference between the channels of a gray pixel, as a share of the range: 16 of 256.

JPEG makes none of gray that is stored as RGB, at quality 30 to 100 and any subsampling. Where each
channel has noise of up to 4 levels, it leaves 8. A pale stamp of 15 x 15 pixels whose channels are
40 levels apart still has 42 where the JPEG is decoded at an eighth of its size.
"""
_ROWS: Final = 256
"""Rows that are taken apart in one step, so that a large image needs no second copy."""
_YBR_TO_RGB: Final = np.array([[0, -0.344136, 1.772], [1.402, -0.714136, 0]], np.float32)
"""Red, green and blue above luma per unit of Cb and of Cr (DICOM PS3.3 C.7.6.3.1.2)."""


def spread(channels: NDArray[Any]) -> float:
    """Return the largest difference between two channels of one pixel; 0 if all are equal.

    Parameters
    ----------
    channels
        Red, green and blue in any order, shape (rows, columns, 3).
    """
    largest = 0.0
    for start in range(0, len(channels), _ROWS):
        rows = channels[start : start + _ROWS]
        known = rows if rows.dtype in (np.uint8, np.uint16) else rows.astype(np.float32)
        one, two, three = cv2.split(known)
        pairs = [cv2.norm(one, two, cv2.NORM_INF), cv2.norm(two, three, cv2.NORM_INF)]
        if any(pairs):
            largest = max(largest, *pairs, cv2.norm(one, three, cv2.NORM_INF))
    return largest


def is_colored(difference: float, bits: int) -> bool:
    """Tell whether a difference between channels of so many bits is more than gray has."""
    return difference > _MOST * ((1 << bits) - 1)


def ybr_spread(chroma: NDArray[Any], bits: int) -> float:
    """Return the largest difference between red, green and blue of one pixel, of its Cb and Cr.

    Parameters
    ----------
    chroma
        Cb and Cr as stored, shape (rows, columns, 2); the middle of the range is none.
    bits
        Bits of each.
    """
    none = 1 << (bits - 1)
    if (chroma == none).all():
        return 0.0
    return spread((chroma.astype(np.float32) - none) @ _YBR_TO_RGB)
