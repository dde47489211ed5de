"""Samples of 16 bits to 8."""

import numpy as np
import pytest

from cxr_edge.imaging.bit_depth import depth_of, to_8_bits


@pytest.mark.parametrize(
    ("peak", "depth"),
    [(0, 8), (255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12), (4096, 14), (16384, 16)],
)
def test_the_depth_is_the_least_that_holds_the_largest_sample(peak: int, depth: int) -> None:
    """An image that uses few of its bits is read at the depth that its maker used."""
    assert depth_of(peak) == depth


def test_an_image_that_was_widened_comes_back() -> None:
    """All multiples of 257 are the 8-bit samples that they were made of."""
    narrow = np.arange(256, dtype=np.uint8)
    pixels, depth = to_8_bits(narrow.astype(np.uint16) * 257)
    np.testing.assert_array_equal(pixels, narrow)
    assert depth == 16


def test_the_whole_scale_is_used() -> None:
    """The largest value of the depth is white, 0 is black, and order is kept."""
    pixels, depth = to_8_bits(np.array([0, 1, 2048, 4095], np.uint16))
    assert (pixels.tolist(), depth) == ([0, 0, 128, 255], 12)
