"""The header of a BMP file (BITMAPFILEHEADER and the BITMAPINFOHEADER family)."""

import struct
from typing import Final

from cxr_edge.errors import Truncated
from cxr_edge.imaging.headers.header import Header
from cxr_edge.imaging.sniff import Format

_CORE: Final = 12  # bytes of the oldest second header
_UNCOMPRESSED: Final = 0


def bmp_header(data: bytes) -> Header:
    """Read the header of a BMP file, and check that the file has all its pixels.

    Raises
    ------
    Truncated
        It has not.
    struct.error
        The file ends within its header.
    """
    offset, size = struct.unpack_from("<II", data, 10)
    if size == _CORE:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = _UNCOMPRESSED
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)  # negative: stored from the top
    if compression == _UNCOMPRESSED:
        expected = offset + (width * bits + 31) // 32 * 4 * height
        if len(data) < expected:
            raise Truncated(f"the BMP file has {len(data)} of {expected} bytes; copy it again")
    # 8 bits or fewer are a palette, mostly of grays.
    return Header(Format.BMP, width, height, bits=8, color=bits > 8)
