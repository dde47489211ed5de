"""The header and segments of a JPEG file (ISO/IEC 10918-1, Annex B)."""

import re
import struct
from collections.abc import Iterator
from typing import Final

from cxr_edge.errors import Corrupt, Truncated, UnsupportedFormat
from cxr_edge.imaging.headers.header import Header
from cxr_edge.imaging.sniff import Format

SOF_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a frame header, which has the size."""

SOS_MARKER: Final = 0xDA
"""Marker of a scan, which has pixels."""

JPEG_LS_MARKER: Final = 0xF7
"""Marker of a JPEG-LS frame header."""

_MARKER: Final = re.compile(rb"\xff[^\x00\xff]")
_MOST_STRAY: Final = 64
"""Bytes in which the next marker must be: what lies before it is stepped over, more is damage."""
_BITS: Final = 8
_LENGTH_BYTES: Final = 2
"""Bytes of a segment's length, which it counts too."""
_EOI: Final = b"\xff\xd9"
_STANDALONE_MARKERS: Final = frozenset(range(0xD0, 0xD9)) | {0x01}
_CMYK_SAMPLES: Final = 4
_APP14: Final = 0xEE
_ADOBE: Final = b"Adobe"  # then version, two words of flags, and the transform of colors
_ADOBE_BYTES: Final = 12
_APP1: Final = 0xE1
_EXIF: Final = b"Exif\0\0"  # then a TIFF file without an image
_ORIENTATION: Final = 0x0112
_ORIENTATIONS: Final = range(1, 9)


def jpeg_header(data: bytes) -> Header:
    """Read the frame header of a JPEG file, and check that the file has its end.

    Raises
    ------
    Truncated
        It has not.
    Corrupt
        Its segments contradict each other.
    UnsupportedFormat
        It is JPEG-LS, has more than 8 bits, or has inks that could be either way round.
    struct.error, IndexError
        The file ends within a segment.
    """
    header: Header | None = None
    has_adobe = False
    for marker, start, end in jpeg_segments(data):
        has_adobe = has_adobe or adobe_transform(data, marker, start, end) is not None
        if marker == JPEG_LS_MARKER:
            raise UnsupportedFormat("expected JPEG, got JPEG-LS; convert it to PNG")
        if marker in SOF_MARKERS:
            bits, height, width, components = struct.unpack_from(">BHHB", data, start)
            if bits != _BITS:
                raise UnsupportedFormat(
                    f"expected JPEG of 8 bits, got {bits} bits; convert it to 16-bit PNG"
                )
            if components == _CMYK_SAMPLES and not has_adobe:
                raise UnsupportedFormat(
                    "expected JPEG in gray or RGB, got four inks without the Adobe marker that "
                    "says which way round they are; convert it to PNG"
                )
            header = Header(Format.JPEG, width, height, bits, color=components > 1)
        if marker == SOS_MARKER:
            if header is None:
                raise Corrupt("the JPEG file has a scan before its frame header")
            # Inside a scan 0xFF is followed by 0x00 or a restart marker: this EOI is the real one.
            if data.rfind(_EOI, end) < 0:  # from the end, where it is
                raise Truncated(
                    f"the JPEG file has no end-of-image marker ({len(data)} bytes); copy it again"
                )
            return header
    raise Truncated(f"the JPEG file ends before its first scan ({len(data)} bytes); copy it again")


def adobe_transform(data: bytes | memoryview, marker: int, start: int, end: int) -> int | None:
    """Return the transform of colors if a segment is Adobe's marker: 0 none, 1 YCbCr, 2 YCCK."""
    if marker == _APP14 and data[start : start + 5] == _ADOBE and end - start >= _ADOBE_BYTES:
        return data[start + _ADOBE_BYTES - 1]
    return None


def without_stray_bytes(data: bytes) -> bytes:
    """Return a JPEG without the bytes between its segments, up to the first scan.

    libjpeg steps over them with a line on standard error, other decoders refuse them.
    """
    kept, done, is_stray = [data[:2]], 2, False
    for marker, start, end in jpeg_segments(data):
        is_stray = is_stray or start - 4 != done
        kept.append(data[start - 4 : end])
        done = end
        if marker == SOS_MARKER:
            break
    return b"".join([*kept, data[done:]]) if is_stray else data


def jpeg_orientation(data: bytes) -> int:
    """Return EXIF's orientation of a JPEG, 1 to 8; 1, upright, where it has none."""
    for marker, start, end in jpeg_segments(data):
        if marker == _APP1 and data.startswith(_EXIF, start):
            return _orientation(data[start + len(_EXIF) : end])
        if marker == SOS_MARKER:
            break
    return _ORIENTATIONS[0]


def _orientation(exif: bytes) -> int:
    """Return the orientation in an EXIF block (CIPA DC-008, 4.6.2 to 4.6.5)."""
    order = ">" if exif[:2] == b"MM" else "<"
    try:
        (at,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, at)
        for index in range(count):
            tag, _, _, value = struct.unpack_from(order + "HHIH", exif, at + 2 + 12 * index)
            if tag == _ORIENTATION:
                return value if value in _ORIENTATIONS else _ORIENTATIONS[0]
    except struct.error:
        pass
    return _ORIENTATIONS[0]


def jpeg_segments(data: bytes | memoryview) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start of payload, end of payload) of each segment.

    A few stray bytes before a marker are stepped over, as decoders do. Behind the first scan there
    are pixels, and nothing that is yielded then means anything.

    Raises
    ------
    Corrupt
        There is no marker where one must be, or a segment has no room for its length.
    struct.error, IndexError
        The file ends within a segment.
    """
    at = 2
    while at < len(data):
        found = _MARKER.search(data, at, at + _MOST_STRAY)
        if not found:
            if at + 1 >= len(data):
                raise IndexError
            raise Corrupt(f"the JPEG file has no marker at byte {at} where one must be")
        marker, at = data[found.end() - 1], found.end() - 2
        if marker in _STANDALONE_MARKERS:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if length < _LENGTH_BYTES:
            raise Corrupt(f"the JPEG file has a segment of {length} bytes, less than its length")
        yield marker, at + 4, at + 2 + length
        at += 2 + length
