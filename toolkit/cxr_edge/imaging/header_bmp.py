"""The header of a BMP file (BITMAPFILEHEADER and the BITMAPINFOHEADER family)."""

import struct
from typing import Final

from cxr_edge.errors import Truncated
from cxr_edge.imaging.header import Header
from cxr_edge.imaging.sniff import Format

_BMP_CORE: Final = 12
_BMP_UNCOMPRESSED: Final = 0


def bmp_header(data: bytes) -> Header:
    """Read the header of a BMP file, and check that all its pixels are there."""
    offset, size = struct.unpack_from("<II", data, 10)
    if size == _BMP_CORE:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = _BMP_UNCOMPRESSED
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)  # negative: stored from the top
    if compression == _BMP_UNCOMPRESSED:
        expected = offset + (width * bits + 31) // 32 * 4 * height
        if len(data) < expected:
            raise Truncated(f"the BMP file has {len(data)} of {expected} bytes; copy it again")
    return Header(
        Format.BMP, width, height, bits=8, color=bits > 8
    )  # fewer: a palette, mostly gray
