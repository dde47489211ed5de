"""The header of a BMP file (BITMAPFILEHEADER and the BITMAPINFOHEADER family)."""

import struct
from typing import Final

from cxr_edge.errors import Truncated, UnsupportedFormat
from cxr_edge.imaging.headers.header import Header
from cxr_edge.imaging.sniff import Format

_CORE: Final = 12  # bytes of the oldest second header
_FILE_HEADER: Final = 14  # bytes of the first header
_PALETTE_BITS: Final = 8  # pixels of so many bits, or of fewer, are indices
_ENTRY, _CORE_ENTRY = 4, 3  # bytes of a color in the palette: blue, green, red
_UNCOMPRESSED: Final = 0
_BIT_FIELDS: Final = (3, 6)
_WITH_ALPHA: Final = 56  # bytes of the second header that has a mask of transparency
_READABLE: Final = {
    16: ((0x7C00, 0x03E0, 0x001F), (0xF800, 0x07E0, 0x001F)),
    32: ((0xFF0000, 0xFF00, 0xFF),),
}
"""Masks of red, green and blue that the decoder reads rightly, by bits per pixel."""


def bmp_header(data: bytes) -> Header:
    """Read the header of a BMP file, and check that the file has all its pixels.

    Raises
    ------
    Truncated
        It has not.
    UnsupportedFormat
        Its colors lie in bits that the decoder does not read rightly.
    struct.error
        The file ends within its header.
    """
    offset, size = struct.unpack_from("<II", data, 10)
    if size == _CORE:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = _UNCOMPRESSED
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    has_alpha = False
    if compression in _BIT_FIELDS:
        masks = struct.unpack_from("<III", data, 54)
        if masks not in _READABLE.get(bits, ()):
            raise UnsupportedFormat(
                "expected a BMP whose colors are 5, 6 or 8 bits each in the usual order, got "
                "others; convert it to PNG"
            )
        has_alpha = size >= _WITH_ALPHA and struct.unpack_from("<I", data, 66)[0] != 0
    height = abs(height)  # negative: stored from the top
    if compression == _UNCOMPRESSED:
        expected = offset + (width * bits + 31) // 32 * 4 * height
        if len(data) < expected:
            raise Truncated(f"the BMP file has {len(data)} of {expected} bytes; copy it again")
    color = bits > _PALETTE_BITS or _is_colored(data[_FILE_HEADER + size : offset], size)
    return Header(Format.BMP, width, height, bits=8, color=color, has_alpha=has_alpha)


def _is_colored(palette: bytes, size: int) -> bool:
    """Tell whether any entry of a palette is no gray."""
    entry = _CORE_ENTRY if size == _CORE else _ENTRY
    return any(palette[channel::entry] != palette[channel + 1 :: entry] for channel in (0, 1))
