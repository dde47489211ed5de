"""Damage in the strips and tiles of a TIFF file, which libtiff steps over without a word."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import imagecodecs
import numpy as np

from cxr_edge.errors import Corrupt
from cxr_edge.imaging.headers.tiff import image_tags
from cxr_edge.imaging.headers.tiff_page import DEFLATE, LZW, PACKBITS, YCBCR, Tag, Tags, number

_Unpack = Callable[..., bytes | bytearray]

_UNPACK: Final[Mapping[int, _Unpack]] = {
    LZW: imagecodecs.lzw_decode,
    PACKBITS: imagecodecs.packbits_decode,
}
"""Functions that unpack up to a number of bytes, by the value of Compression."""
_OLD_LZW: Final = b"\0"  # how streams of before TIFF 6.0 begin
_PIECE: Final = 1 << 14
"""Bytes that are inflated in one step, to a thousand times as many at most."""
_SLACK: Final = 1 << 16
"""Bytes that a stream with a checksum may have beyond its strip or tile."""
_NONE: Final = np.empty(0, np.uint32)


@dataclass(frozen=True)
class _Block:
    """A strip or tile."""

    packed: bytes
    """Bytes as stored."""
    least: int
    """Bytes that it must unpack to: the rows that are in the image."""
    most: int
    """Bytes that it may unpack to: all its rows."""


def check_blocks(data: bytes) -> bool:
    """Refuse wrong checksums, and tell of strips and tiles that unpack to another size than theirs.

    Parameters
    ----------
    data
        All bytes of a file that :func:`cxr_edge.imaging.headers.tiff.tiff_header` accepts.

    Returns
    -------
    bool
        Whether a strip or tile in LZW or PackBits, which have no checksum, has another size.

    Raises
    ------
    Corrupt
        A checksum of deflate (RFC 1950) is wrong or missing.
    """
    tags = image_tags(data)
    compression = number(tags, Tag.COMPRESSION, 1)
    if compression in DEFLATE:
        if not all(_has_checksum(block) for block in _blocks(data, tags)):
            raise Corrupt("the TIFF file is damaged: a checksum in it is not that of its pixels")
        return False
    if compression not in _UNPACK or number(tags, Tag.PHOTOMETRIC, 1) == YCBCR:
        return False
    return not all(_has_size(block, _UNPACK[compression]) for block in _blocks(data, tags))


def _blocks(data: bytes, tags: Tags) -> Iterator[_Block]:
    """Yield the strips or tiles that have bytes."""
    is_tiled = Tag.TILE_OFFSETS in tags
    width, length = number(tags, Tag.WIDTH), number(tags, Tag.LENGTH)
    columns = max(number(tags, Tag.TILE_WIDTH), 1) if is_tiled else width
    rows = max(number(tags, Tag.TILE_LENGTH if is_tiled else Tag.ROWS_PER_STRIP, length), 1)
    samples = number(tags, Tag.SAMPLES, 1)
    is_apart = samples > 1 and number(tags, Tag.PLANAR, 1) != 1
    row_bytes = (columns * (1 if is_apart else samples) * number(tags, Tag.BITS, 1) + 7) // 8
    down = -(-length // rows)
    count = -(-width // columns) * down * (samples if is_apart else 1)
    offsets = tags.get(Tag.TILE_OFFSETS if is_tiled else Tag.STRIP_OFFSETS, _NONE)[:count]
    lengths = tags.get(Tag.TILE_BYTES if is_tiled else Tag.STRIP_BYTES, _NONE)[:count]
    for index, (at, size) in enumerate(zip(offsets.tolist(), lengths.tolist(), strict=False)):
        inside = rows if is_tiled else min(rows, length - index % down * rows)
        if size:
            most = min(rows, length) if not is_tiled else rows
            yield _Block(data[at : at + size], inside * row_bytes, most * row_bytes)


def _has_checksum(block: _Block) -> bool:
    """Tell whether a zlib stream ends with the checksum of its content."""
    inflater, unpacked = zlib.decompressobj(), 0
    try:
        for begin in range(0, len(block.packed), _PIECE):
            unpacked += len(inflater.decompress(block.packed[begin : begin + _PIECE]))
            if inflater.eof or unpacked > block.most + _SLACK:
                break
    except zlib.error:
        return False
    return inflater.eof


def _has_size(block: _Block, unpack: _Unpack) -> bool:
    """Tell whether a strip or tile unpacks to as many bytes as it has."""
    if unpack is imagecodecs.lzw_decode and block.packed[:1] == _OLD_LZW:
        return True
    try:
        unpacked = len(unpack(block.packed, out=block.most + 1))
    except RuntimeError:
        return False
    return block.least <= unpacked <= block.most
