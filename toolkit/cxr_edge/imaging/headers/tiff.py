"""The first directory of a TIFF file (TIFF 6.0, sections 2 and 8)."""

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import Corrupt, Truncated
from cxr_edge.imaging.headers.header import Header
from cxr_edge.imaging.sniff import Format

_TYPES: Final = {1: "u1", 3: "u2", 4: "u4"}
_WIDTH, _LENGTH, _BITS, _PHOTOMETRIC = 256, 257, 258, 262
_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES = 273, 279, 324, 325
_TAGS: Final = frozenset(
    {_WIDTH, _LENGTH, _BITS, _PHOTOMETRIC}
    | {_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES}
)
_MONOCHROME_PHOTOMETRICS: Final = (0, 1)
_BLOCK: Final = 1 << 16
"""Strips or tiles that are compared in one step: an entry may name millions of them."""


def tiff_header(data: bytes) -> Header:
    """Read the first directory of a TIFF file, and check that the file has all its pixels.

    Raises
    ------
    Truncated
        It has not.
    Corrupt
        The directory names no width or length.
    struct.error
        The file ends within its header.
    """
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, directory)
    tags: dict[int, NDArray[np.unsignedinteger]] = {}
    for index in range(count):
        at = directory + 2 + 12 * index
        tag, kind, values = struct.unpack_from(order + "HHI", data, at)
        if tag not in _TAGS or kind not in _TYPES or not values:
            continue  # an empty entry is as good as none
        dtype = np.dtype(order + _TYPES[kind])
        place = at + 8
        if values * dtype.itemsize > 4:
            (place,) = struct.unpack_from(order + "I", data, at + 8)
        if place + values * dtype.itemsize > len(data):
            raise Truncated(f"the TIFF file ends within its header ({len(data)} bytes)")
        # A view: entries may share their values, and together be larger than any memory.
        tags[tag] = np.frombuffer(data, dtype, values, place)
    (following,) = struct.unpack_from(order + "I", data, directory + 2 + 12 * count)
    for offsets, lengths in ((_STRIP_OFFSETS, _STRIP_BYTES), (_TILE_OFFSETS, _TILE_BYTES)):
        if offsets in tags and lengths in tags:
            _check_within(data, tags[offsets], tags[lengths])
    if not (_WIDTH in tags and _LENGTH in tags):
        raise Corrupt("the TIFF file's first directory names no width and length")
    photometric = int(tags[_PHOTOMETRIC][0]) if _PHOTOMETRIC in tags else 1
    return Header(
        Format.TIFF,
        width=int(tags[_WIDTH][0]),
        height=int(tags[_LENGTH][0]),
        bits=int(tags[_BITS].max()) if _BITS in tags else 1,
        color=photometric not in _MONOCHROME_PHOTOMETRICS,
        pages=2 if following else 1,
        white_is_zero=photometric == 0,
    )


def _check_within(
    data: bytes, offsets: NDArray[np.unsignedinteger], lengths: NDArray[np.unsignedinteger]
) -> None:
    """Check that every strip or tile, by its offset and length in bytes, is inside the file."""
    for first in range(0, min(len(offsets), len(lengths)), _BLOCK):
        block = slice(first, min(first + _BLOCK, len(offsets), len(lengths)))
        if (offsets[block].astype(np.int64) + lengths[block] > len(data)).any():
            raise Truncated(f"the TIFF file ends within its pixels ({len(data)} bytes)")
