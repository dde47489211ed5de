"""What a file is, read from its first bytes: format, size, depth, and whether it is whole.

Nothing is decoded here, so a file can be judged before a decoder sees it.
"""

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import Corrupt, NotAnImage, Truncated


class Format(StrEnum):
    """Formats told apart by their first bytes, as named in the report's ``format`` column."""

    JPEG = "jpeg"
    PNG = "png"
    TIFF = "tiff"
    BMP = "bmp"
    DICOM = "dicom"
    BIGTIFF = "bigtiff"
    JPEG2000 = "jpeg2000"
    GIF = "gif"
    WEBP = "webp"
    HEIF = "heif"


SUFFIXES: Final[Mapping[str, Format]] = {
    ".bmp": Format.BMP,
    ".dcm": Format.DICOM,
    ".dib": Format.BMP,
    ".dicom": Format.DICOM,
    ".gif": Format.GIF,
    ".heic": Format.HEIF,
    ".heif": Format.HEIF,
    ".jp2": Format.JPEG2000,
    ".jpe": Format.JPEG,
    ".jpeg": Format.JPEG,
    ".jpg": Format.JPEG,
    ".png": Format.PNG,
    ".tif": Format.TIFF,
    ".tiff": Format.TIFF,
    ".webp": Format.WEBP,
}
"""Suffixes of files that are taken whatever is in them, each with what it promises."""

HEAD_BYTES: Final = 132
"""So many first bytes tell the format."""

_SIGNATURES: Final = (
    (128, b"DICM", Format.DICOM),  # first: what stands before it may be the head of a TIFF
    (0, b"\xff\xd8\xff", Format.JPEG),
    (0, b"\x89PNG\r\n\x1a\n", Format.PNG),
    (0, b"II*\x00", Format.TIFF),
    (0, b"MM\x00*", Format.TIFF),
    (0, b"II+\x00", Format.BIGTIFF),
    (0, b"MM\x00+", Format.BIGTIFF),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", Format.JPEG2000),
    (0, b"\xff\x4f\xff\x51", Format.JPEG2000),
    (0, b"GIF87a", Format.GIF),
    (0, b"GIF89a", Format.GIF),
    (8, b"WEBP", Format.WEBP),
    (4, b"ftypheic", Format.HEIF),
    (4, b"ftypheix", Format.HEIF),
    (4, b"ftypmif1", Format.HEIF),
)


_BARE_DICOM: Final = re.compile(
    rb"\x02\x00[\x00-\x03\x10\x12]\x00(?:UL|OB|UI)"  # begins with its meta information
    rb"|\x08\x00[\x00\x01\x05\x06\x08\x12-\x18]\x00(?:[A-Z]{2}|[\x04-\xff]\x00\x00\x00)"
    rb"|\x00\x08\x00[\x00\x01\x05\x06\x08\x12-\x18][A-Z]{2}"
)
"""How DICOM without preamble begins: with one of the first attributes of group 2 or 8."""


@dataclass(frozen=True)
class Header:
    """Facts from an image file's header."""

    format: Format
    """What the first bytes say."""
    width: int
    """Columns as stored."""
    height: int
    """Rows as stored."""
    bits: int
    """Bits a sample."""
    color: bool
    """Stored with more than one colour channel, or a palette."""
    pages: int = 1
    """1, or 2 for more than one page; they are not counted further."""
    white_is_zero: bool = False
    """TIFF PhotometricInterpretation 0: the largest value is black."""


def identify(head: bytes) -> Format | None:
    """Return the format that the first :data:`HEAD_BYTES` of a file say, None for no image."""
    for offset, magic, kind in _SIGNATURES:
        if head[offset : offset + len(magic)] == magic:
            return kind
    # "BM" alone begins many a text; the reserved words and the header's length must fit too.
    if head[:2] == b"BM" and head[6:10] == bytes(4) and head[14:18] in _BMP_HEADER_SIZES:
        return Format.BMP
    return Format.DICOM if _BARE_DICOM.match(head) else None


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
        Format.JPEG: _jpeg,
        Format.PNG: _png,
        Format.TIFF: _tiff,
        Format.BMP: _bmp,
    }
    if kind not in readers:
        raise NotAnImage(f"expected JPEG, PNG, TIFF or BMP, came {kind}")
    try:
        header = readers[kind](data)
    except (struct.error, IndexError) as exc:
        raise Truncated(f"the {kind} file ends within its header ({len(data)} bytes)") from exc
    if header.width < 1 or header.height < 1:
        raise Corrupt(f"the {kind} header says {header.width} x {header.height} pixels")
    return header


# JPEG: ISO/IEC 10918-1, Annex B.
SOF_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
SOS_MARKER: Final = 0xDA
_EOI: Final = b"\xff\xd9"
_STANDALONE_MARKERS: Final = frozenset(range(0xD0, 0xD9)) | {0x01}


def _jpeg(data: bytes) -> Header:
    header: Header | None = None
    for marker, start, end in jpeg_segments(data):
        if marker in SOF_MARKERS:
            bits, height, width, components = struct.unpack_from(">BHHB", data, start)
            header = Header(Format.JPEG, width, height, bits, color=components > 1)
        if marker == SOS_MARKER:
            if header is None:
                raise Corrupt("the JPEG file has a scan before its frame header")
            # Inside a scan 0xFF is followed by 0x00 or a restart marker: this EOI is the real one.
            if data.find(_EOI, end) < 0:
                raise Truncated(
                    f"the JPEG file has no end-of-image marker ({len(data)} bytes); copy it again"
                )
            return header
    raise Truncated(f"the JPEG file ends before its first scan ({len(data)} bytes); copy it again")


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start of payload, end of payload) until the first scan."""
    at = 2
    while at < len(data):
        if data[at] != 0xFF:
            raise Corrupt(f"the JPEG file has no marker at byte {at} where one must be")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in _STANDALONE_MARKERS:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        yield marker, at + 4, at + 2 + length
        at += 2 + length


# PNG: W3C PNG (third edition), sections 5 and 11.
_PNG_COLOR: Final = 2
_PNG_PALETTE: Final = 1


_PNG_TEXTS: Final = frozenset([b"iCCP", b"tEXt", b"zTXt", b"iTXt", b"sPLT", b"pCAL", b"sCAL"])
"""Chunks with text in them, none of which changes a gray pixel."""


def without_texts(data: bytes) -> bytes:
    """Return a PNG file without its texts, the same bytes where it has none.

    libpng quotes some of them on standard error where it finds them odd, and they can be the
    patient's.

    Parameters
    ----------
    data
        All bytes of a file that :func:`read_header` has read.
    """
    kept, begin = [], 0
    for kind, start, end in _png_chunks(data):
        if kind in _PNG_TEXTS:
            kept.append(data[begin:start])
            begin = end
    return b"".join([*kept, data[begin:]]) if kept else data


def _png(data: bytes) -> Header:
    width, height, bits, color_type = struct.unpack_from(">IIBB", data, 16)
    if data[12:16] != b"IHDR":
        raise Corrupt("the PNG file does not begin with an IHDR chunk")
    for _ in _png_chunks(data):
        pass  # to the last one, so that the file is known to be whole
    color = bool(color_type & (_PNG_COLOR | _PNG_PALETTE))
    return Header(Format.PNG, width, height, bits, color)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and end of each chunk before the last one, IEND."""
    at = 8
    while (kind := data[at + 4 : at + 8]) != b"IEND":
        if at + 8 > len(data):
            raise Truncated(f"the PNG file has no IEND chunk ({len(data)} bytes); copy it again")
        (length,) = struct.unpack_from(">I", data, at)
        yield kind, at, at + 12 + length
        at += 12 + length


# TIFF 6.0, sections 2 and 8.
_TIFF_TYPES: Final = {1: "u1", 3: "u2", 4: "u4"}
_WIDTH, _LENGTH, _BITS, _PHOTOMETRIC = 256, 257, 258, 262
_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES = 273, 279, 324, 325
_TIFF_TAGS: Final = frozenset(
    {_WIDTH, _LENGTH, _BITS, _PHOTOMETRIC}
    | {_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES}
)
_MONOCHROME_PHOTOMETRICS: Final = (0, 1)
_AT_ONCE: Final = 1 << 16
"""Strips or tiles that are compared at once: an entry may name millions of them."""


def _tiff(data: bytes) -> Header:
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, directory)
    tags: dict[int, NDArray[np.unsignedinteger]] = {}
    for index in range(count):
        at = directory + 2 + 12 * index
        tag, kind, values = struct.unpack_from(order + "HHI", data, at)
        if tag not in _TIFF_TAGS or kind not in _TIFF_TYPES or not values:
            continue  # an empty entry is as good as none
        dtype = np.dtype(order + _TIFF_TYPES[kind])
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
    """Check that every strip or tile, by its offset and length in bytes, lies in the file."""
    for first in range(0, min(len(offsets), len(lengths)), _AT_ONCE):
        some = slice(first, min(first + _AT_ONCE, len(offsets), len(lengths)))
        if (offsets[some].astype(np.int64) + lengths[some] > len(data)).any():
            raise Truncated(f"the TIFF file ends within its pixels ({len(data)} bytes)")


# BMP: BITMAPFILEHEADER and the BITMAPINFOHEADER family.
_BMP_HEADER_SIZES: Final = frozenset(
    struct.pack("<I", size) for size in (12, 40, 52, 56, 64, 108, 124)
)
_BMP_CORE: Final = 12
_BMP_UNCOMPRESSED: Final = 0


def _bmp(data: bytes) -> Header:
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
