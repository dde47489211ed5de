"""The header of a JPEG, PNG, TIFF or BMP file, read without decoding."""

import struct

from cxr_edge.errors import Corrupt, NotAnImage, Truncated
from cxr_edge.imaging.header import Header
from cxr_edge.imaging.header_bmp import bmp_header
from cxr_edge.imaging.header_jpeg import jpeg_header
from cxr_edge.imaging.header_png import png_header
from cxr_edge.imaging.header_tiff import tiff_header
from cxr_edge.imaging.sniff import Format


def read_header(data: bytes, kind: Format) -> Header:
    """Read the header of a JPEG, PNG, TIFF or BMP file, and check that the file is whole.

    Parameters
    ----------
    data
        All bytes of the file.
    kind
        What :func:`identify` said.

    Raises
    ------
    Truncated
        The file ends before its image does.
    Corrupt
        The header contradicts itself.
    NotAnImage
        ``kind`` is none of the four.
    """
    readers = {
        Format.JPEG: jpeg_header,
        Format.PNG: png_header,
        Format.TIFF: tiff_header,
        Format.BMP: bmp_header,
    }
    if kind not in readers:
        raise NotAnImage(f"expected JPEG, PNG, TIFF or BMP, got {kind}")
    try:
        header = readers[kind](data)
    except (struct.error, IndexError) as exc:
        raise Truncated(f"the {kind} file ends within its header ({len(data)} bytes)") from exc
    if header.width < 1 or header.height < 1:
        raise Corrupt(f"the {kind} header says {header.width} x {header.height} pixels")
    return header
