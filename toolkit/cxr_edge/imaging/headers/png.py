"""The header and chunks of a PNG file (W3C PNG, third edition, sections 5 and 11)."""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from cxr_edge.errors import Corrupt, Truncated
from cxr_edge.imaging.headers.header import Header
from cxr_edge.imaging.sniff import Format

_COLOR: Final = 2
_PALETTE: Final = 1
_ALPHA: Final = 4
_GRAY: Final = 0
_TRANSPARENT: Final = b"tRNS"
_TEXTS: Final = frozenset([b"iCCP", b"tEXt", b"zTXt", b"iTXt", b"sPLT", b"pCAL", b"sCAL"])
"""Chunks with text in them, none of which changes a gray pixel."""


def without_texts(data: bytes) -> bytes:
    """Return a PNG file without its texts; the same bytes if it has none.

    libpng quotes odd texts on standard error, and they can be the patient's.

    Parameters
    ----------
    data
        All bytes of a file that :func:`png_header` accepts.
    """
    kept, begin = [], 0
    for kind, start, end in _chunks(data):
        if kind in _TEXTS:
            kept.append(data[begin:start])
            begin = end
    return b"".join([*kept, data[begin:]]) if kept else data


def png_header(data: bytes) -> Header:
    """Read the header of a PNG file, and check that the file has its last chunk.

    Raises
    ------
    Truncated
        It has not.
    Corrupt
        The first chunk is not IHDR, or a chunk that may change a pixel has another checksum.
    struct.error
        The file ends within its header.
    """
    width, height, bits, color_type = struct.unpack_from(">IIBB", data, 16)
    if data[12:16] != b"IHDR":
        raise Corrupt("the PNG file does not begin with an IHDR chunk")
    key: int | None = None
    has_alpha = bool(color_type & _ALPHA)
    for kind, start, end in _chunks(data):  # to the last one: the file is complete
        if kind not in _TEXTS and not _has_checksum(data, start, end):
            raise Corrupt("the PNG file is damaged: a checksum in it is not that of its bytes")
        if kind == _TRANSPARENT:
            has_alpha = has_alpha or color_type != _GRAY
            key = struct.unpack_from(">H", data, start + 8)[0] if color_type == _GRAY else None
    color = bool(color_type & (_COLOR | _PALETTE))
    return Header(Format.PNG, width, height, bits, color, has_alpha=has_alpha, transparent_gray=key)


def _has_checksum(data: bytes, start: int, end: int) -> bool:
    """Tell whether a chunk ends with the CRC of its type and content, if it has its end."""
    found = zlib.crc32(memoryview(data)[start + 4 : end - 4])
    return end > len(data) or data[end - 4 : end] == struct.pack(">I", found)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and end of each chunk before the last one, IEND."""
    at = 8
    while (kind := data[at + 4 : at + 8]) != b"IEND":
        if at + 8 > len(data):
            raise Truncated(f"the PNG file has no IEND chunk ({len(data)} bytes); copy it again")
        (length,) = struct.unpack_from(">I", data, at)
        yield kind, at, at + 12 + length
        at += 12 + length
