"""The header and segments of a JPEG file (ISO/IEC 10918-1, Annex B)."""

import struct
from collections.abc import Iterator
from typing import Final

from cxr_edge.errors import Corrupt, Truncated
from cxr_edge.imaging.headers.header import Header
from cxr_edge.imaging.sniff import Format

SOF_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a frame header, which has the size."""

SOS_MARKER: Final = 0xDA
"""Marker of a scan, which has pixels."""

_EOI: Final = b"\xff\xd9"
_STANDALONE_MARKERS: Final = frozenset(range(0xD0, 0xD9)) | {0x01}


def jpeg_header(data: bytes) -> Header:
    """Read the frame header of a JPEG file, and check that the file has its end.

    Raises
    ------
    Truncated
        It has not.
    Corrupt
        Its segments contradict each other.
    struct.error, IndexError
        The file ends within a segment.
    """
    header: Header | None = None
    for marker, start, end in jpeg_segments(data):
        if marker in SOF_MARKERS:
            bits, height, width, components = struct.unpack_from(">BHHB", data, start)
            header = Header(Format.JPEG, width, height, bits, color=components > 1)
        if marker == SOS_MARKER:
            if header is None:
                raise Corrupt("the JPEG file has a scan before its frame header")
            # Inside a scan 0xFF is followed by 0x00 or a restart marker: this EOI is the real one.
            if data.find(_EOI, end) < 0:
                raise Truncated(
                    f"the JPEG file has no end-of-image marker ({len(data)} bytes); copy it again"
                )
            return header
    raise Truncated(f"the JPEG file ends before its first scan ({len(data)} bytes); copy it again")


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start of payload, end of payload), up to the first scan.

    Raises
    ------
    Corrupt
        There is no marker where one must be.
    struct.error, IndexError
        The file ends within a segment.
    """
    at = 2
    while at < len(data):
        if data[at] != 0xFF:
            raise Corrupt(f"the JPEG file has no marker at byte {at} where one must be")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in _STANDALONE_MARKERS:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        yield marker, at + 4, at + 2 + length
        at += 2 + length
