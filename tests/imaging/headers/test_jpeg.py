"""The header and segments of a JPEG file."""

import struct

import pytest
from rasters import IMAGE, WHOLE, encoded

from cxr_edge.errors import Corrupt, Truncated
from cxr_edge.imaging.headers.jpeg import SOS_MARKER, jpeg_header, jpeg_segments


def test_a_thumbnail_is_not_taken_for_the_image() -> None:
    """The end of a JPEG inside a JPEG's metadata does not make a cut file whole."""
    thumbnail = encoded(".jpg", IMAGE[:8, :8])
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    image = WHOLE["jpeg"][1]
    data = image[:2] + segment + image[2:]
    assert jpeg_header(data).width == 30
    with pytest.raises(Truncated):
        jpeg_header(data[:-100])


def test_segments_lie_behind_each_other() -> None:
    """Each starts where the one before ended, with its marker and length between them."""
    data = WHOLE["jpeg"][1]
    at = 2
    for marker, start, end in jpeg_segments(data):
        assert (data[at], data[at + 1], start) == (0xFF, marker, at + 4)
        at = end
        if marker == SOS_MARKER:
            return
    pytest.fail("expected a scan")


@pytest.mark.parametrize("length", [0, 1])
def test_a_segment_without_room_for_its_length_is_corrupt(length: int) -> None:
    """Decoders step from segment to segment by this number; none takes it for another."""
    data = b"\xff\xd8\xff\xe0" + bytes([0, length]) + WHOLE["jpeg"][1][2:]
    with pytest.raises(Corrupt, match=f"a segment of {length} bytes"):
        jpeg_header(data)
