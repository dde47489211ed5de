"""The header of any raster file, and whether the file is complete."""

import struct
from collections.abc import Callable

from cxr_edge.errors import Corrupt, NotAnImage, Truncated
from cxr_edge.imaging.headers.header import Header
from cxr_edge.imaging.sniff import Format


def read_header(data: bytes, kind: Format) -> Header:
    """Read the header of a JPEG, PNG, TIFF or BMP file, and check that the file is complete.

    Parameters
    ----------
    data
        All bytes of the file.
    kind
        Format by :func:`cxr_edge.imaging.sniff.identify`.

    Raises
    ------
    Truncated
        The file ends before its image does.
    Corrupt
        The header contradicts itself.
    NotAnImage
        ``kind`` is none of the four.
    UnsupportedFormat
        The image is of a type that is not read, or not read rightly.
    """
    read = _reader(kind)
    try:
        header = read(data)
    except (struct.error, IndexError) as exc:
        raise Truncated(f"the {kind} file ends within its header ({len(data)} bytes)") from exc
    if header.width < 1 or header.height < 1:
        raise Corrupt(f"the {kind} header says {header.width} x {header.height} pixels")
    return header


def _reader(kind: Format) -> Callable[[bytes], Header]:
    """Return what reads headers of a format, and load no other."""
    match kind:
        case Format.JPEG:
            from cxr_edge.imaging.headers.jpeg import jpeg_header as read
        case Format.PNG:
            from cxr_edge.imaging.headers.png import png_header as read
        case Format.TIFF:
            from cxr_edge.imaging.headers.tiff import tiff_header as read
        case Format.BMP:
            from cxr_edge.imaging.headers.bmp import bmp_header as read
        case _:
            raise NotAnImage(f"expected JPEG, PNG, TIFF or BMP, got {kind}")
    return read
