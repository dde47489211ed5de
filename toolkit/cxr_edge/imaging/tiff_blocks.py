"""Damage in the strips and tiles of a TIFF file, which libtiff steps over without a word."""

import zlib
from collections.abc import Callable, Mapping
from typing import Final

import imagecodecs

from cxr_edge.errors import Corrupt
from cxr_edge.imaging.headers.tiff import image_tags
from cxr_edge.imaging.headers.tiff_page import DEFLATE, LZW, PACKBITS, YCBCR, Tag, number
from cxr_edge.imaging.headers.tiff_strips import Block, blocks_of

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
        if not all(_has_checksum(block) for block in blocks_of(data, tags)):
            raise Corrupt("the TIFF file is damaged: a checksum in it is not that of its pixels")
        return False
    if compression not in _UNPACK or number(tags, Tag.PHOTOMETRIC, 1) == YCBCR:
        return False
    return not all(_has_size(block, _UNPACK[compression]) for block in blocks_of(data, tags))


def _has_checksum(block: Block) -> bool:
    """Tell whether a zlib stream ends with the checksum of its content."""
    inflater, unpacked = zlib.decompressobj(), 0
    try:
        for begin in range(0, len(block.packed), _PIECE):
            unpacked += len(inflater.decompress(block.packed[begin : begin + _PIECE]))
            if inflater.eof or unpacked > block.rows * block.row_bytes + _SLACK:
                break
    except zlib.error:
        return False
    return inflater.eof


def _has_size(block: Block, unpack: _Unpack) -> bool:
    """Tell whether a strip or tile unpacks to as many bytes as it has."""
    if unpack is imagecodecs.lzw_decode and bytes(block.packed[:1]) == _OLD_LZW:
        return True
    try:
        unpacked = len(unpack(block.packed, out=block.rows * block.row_bytes + 1))
    except RuntimeError:
        return False
    return block.inside * block.row_bytes <= unpacked <= block.rows * block.row_bytes
