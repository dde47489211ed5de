"""Samples of 16 bits to 8, by the bits that are in use."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

DEPTHS: Final = (8, 10, 12, 14, 16)
"""Bits per sample that devices use."""


def to_8_bits(values: NDArray[np.uint16]) -> tuple[NDArray[np.uint8], int]:
    """Window 16-bit samples to 8 bits by the rule of recipe ``cxr-1``.

    If all samples are multiples of 257, an 8-bit image was widened to 16 bits, and its samples are
    returned. Otherwise the depth is the least of 8, 10, 12, 14 and 16 bits that holds the largest
    sample; 0 stays 0 and the largest value of that depth becomes 255. So a 12-bit image that was
    saved without scaling does not turn black.

    Parameters
    ----------
    values
        Samples of any shape.

    Returns
    -------
    tuple
        Pixels in uint8 of the same shape; and the depth in bits.
    """
    narrow = values // 257
    if np.array_equal(narrow * 257, values):
        return narrow.astype(np.uint8), 16
    depth = depth_of(int(values.max()))
    table = np.rint(np.arange(1 << depth) * (255 / ((1 << depth) - 1))).astype(np.uint8)
    return table[values], depth


def depth_of(peak: int) -> int:
    """Return the least of 8, 10, 12, 14 and 16 bits that holds the largest sample."""
    return next(bits for bits in DEPTHS if peak < 1 << bits)


def bits_in_use(claimed: int, peak: int) -> int:
    """Return the bits that samples use of those that their header claims.

    These are the least of 8, 10, 12, 14 and 16 that hold the largest sample, where 9 to 16 are
    claimed. Fewer are never used sparingly, more have no usual range.

    Parameters
    ----------
    claimed
        Bits per sample by the header.
    peak
        Largest sample, 0 or more.
    """
    is_usual = DEPTHS[0] < claimed <= DEPTHS[-1]
    return min(claimed, depth_of(peak)) if is_usual and peak < 1 << claimed else claimed
