"""Whether a decoded image shows enough to be classified."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ConstantImage

LOW_CONTRAST: Final = "low-contrast"
"""Flag of an image that shows little."""

_MOST: Final = 0.9
_FEW_LEVELS: Final = 48
"""Gray levels, of 256. The narrowest of 5,850 chest X-rays of two hospitals needs 56 for 90% of its
pixels."""
_SATURATED: Final = 0.7
"""Share of the pixels. The largest of the same chest X-rays is 0.44."""


def contrast_flags(pixels: NDArray[np.uint8]) -> tuple[str, ...]:
    """Return ``low-contrast`` if an image shows little, and refuse it if it shows nothing.

    Little is shown where 90% of the pixels lie within 48 of the 256 gray levels, or where 70% are
    either black or white. Then the window or the depth that the file names does not fit its pixels.

    Parameters
    ----------
    pixels
        Gray of shape (H, W).

    Raises
    ------
    ConstantImage
        Every pixel is the same.
    """
    counts = cv2.calcHist([np.ascontiguousarray(pixels)], [0], None, [256], [0, 256]).ravel()
    levels = np.flatnonzero(counts)
    if len(levels) == 1:
        raise ConstantImage(f"every pixel is {levels[0]}; there is nothing to classify")
    below = np.concatenate([[0], np.cumsum(counts, dtype=np.float64)])
    densest = (below[_FEW_LEVELS:] - below[:-_FEW_LEVELS]).max()
    is_low = densest >= _MOST * pixels.size or counts[0] + counts[255] >= _SATURATED * pixels.size
    return (LOW_CONTRAST,) if is_low else ()
