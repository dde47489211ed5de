"""A decoded image and the facts about its file."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.errors import TooLarge
from cxr_edge.imaging.image import FLAGS, MAX_PIXELS, GrayImage, SourceFacts, check_size


@pytest.mark.parametrize(
    "pixels", [np.eye(3), np.eye(3, dtype=np.uint16), np.zeros((3, 3, 1), np.uint8)]
)
def test_a_gray_image_is_8_bits_and_two_dimensional(pixels: NDArray[np.generic]) -> None:
    """No other array can pass for an image."""
    with pytest.raises(ValueError, match="expected uint8"):
        GrayImage(pixels, SourceFacts(3, 3, "png"))


@pytest.mark.parametrize("flags", [("blurred",), ("small", "color"), ("small", "small")])
def test_flags_are_a_closed_and_sorted_list(flags: tuple[str, ...]) -> None:
    """The report never has a warning that is not documented, nor one twice or out of order."""
    with pytest.raises(ValueError, match="flags: expected"):
        SourceFacts(3, 3, "png", flags)


def test_flags_can_be_added() -> None:
    """Warnings of later steps join those of the header, sorted and each once."""
    facts = SourceFacts(3, 3, "png", ("lossy",))
    assert facts.with_flags(["small", "color", "lossy"]).flags == ("color", "lossy", "small")
    assert SourceFacts(3, 3, "png").with_flags(FLAGS).flags == FLAGS


def test_the_frames_of_an_image_count_together() -> None:
    """Many small frames are as large as one large image."""
    check_size(1 << 14, 1 << 14)
    with pytest.raises(TooLarge, match=f"at most {MAX_PIXELS} pixels, got 2 frames"):
        check_size(1 << 14, 1 << 14, frames=2)
