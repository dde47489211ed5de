"""The format of a file, by its first bytes."""

import re
import struct
from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Format(StrEnum):
    """Formats that first bytes distinguish, as named in the report's ``format`` column."""

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
    AVIF = "avif"
    JPEGXL = "jpegxl"
    JPEGXR = "jpegxr"
    PNM = "pnm"
    EXR = "openexr"
    PSD = "photoshop"
    NIFTI = "nifti"
    NRRD = "nrrd"
    METAIMAGE = "metaimage"


SUFFIXES: Final[Mapping[str, Format]] = {
    ".avif": Format.AVIF,
    ".bmp": Format.BMP,
    ".dcm": Format.DICOM,
    ".dib": Format.BMP,
    ".dicom": Format.DICOM,
    ".exr": Format.EXR,
    ".gif": Format.GIF,
    ".heic": Format.HEIF,
    ".heif": Format.HEIF,
    ".j2c": Format.JPEG2000,
    ".j2k": Format.JPEG2000,
    ".jfif": Format.JPEG,
    ".jls": Format.JPEG,
    ".jp2": Format.JPEG2000,
    ".jpc": Format.JPEG2000,
    ".jpe": Format.JPEG,
    ".jpeg": Format.JPEG,
    ".jpf": Format.JPEG2000,
    ".jpg": Format.JPEG,
    ".jpx": Format.JPEG2000,
    ".jxl": Format.JPEGXL,
    ".jxr": Format.JPEGXR,
    ".mha": Format.METAIMAGE,
    ".mhd": Format.METAIMAGE,
    ".nii": Format.NIFTI,
    ".nrrd": Format.NRRD,
    ".pam": Format.PNM,
    ".pbm": Format.PNM,
    ".pfm": Format.PNM,
    ".pgm": Format.PNM,
    ".png": Format.PNG,
    ".pnm": Format.PNM,
    ".ppm": Format.PNM,
    ".psd": Format.PSD,
    ".tif": Format.TIFF,
    ".tiff": Format.TIFF,
    ".webp": Format.WEBP,
}
"""Suffixes of files that are taken whatever is in them, each with the format it stands for."""

HEAD_BYTES: Final = 132
"""First bytes of a file that :func:`identify` needs."""

_SIGNATURES: Final = (
    (128, b"DICM", Format.DICOM),  # first: the preamble before it may be the head of a TIFF
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
    (4, b"ftyphei", Format.HEIF),
    (4, b"ftyphev", Format.HEIF),
    (4, b"ftypmif1", Format.HEIF),
    (4, b"ftypmsf1", Format.HEIF),
    (4, b"ftypavi", Format.AVIF),
    (0, b"\xff\x0a", Format.JPEGXL),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", Format.JPEGXL),
    (0, b"II\xbc\x01", Format.JPEGXR),
    (0, b"\x76\x2f\x31\x01", Format.EXR),
    (0, b"8BPS\x00\x01", Format.PSD),
    (0, b"\x5c\x01\x00\x00", Format.NIFTI),
    (0, b"\x00\x00\x01\x5c", Format.NIFTI),
    (0, b"NRRD000", Format.NRRD),
    (0, b"ObjectType = Image", Format.METAIMAGE),
)

_BMP_HEADER_SIZES: Final = frozenset(
    struct.pack("<I", size) for size in (12, 40, 52, 56, 64, 108, 124)
)
"""Bytes of the second header of a BMP file, as stored."""

_PNM: Final = re.compile(rb"P[1-6]\s+(?:#|\d)|P7\nWIDTH|P[fF]\s+\d")
"""The start of portable bit, gray, color and float maps."""

_BARE_DICOM: Final = re.compile(
    rb"\x02\x00[\x00-\x03\x10\x12]\x00(?:UL|OB|UI)"  # starts with its meta information
    rb"|\x08\x00[\x00\x01\x05\x06\x08\x12-\x18]\x00(?:[A-Z]{2}|[\x04-\xff]\x00\x00\x00)"
    rb"|\x00\x08\x00[\x00\x01\x05\x06\x08\x12-\x18][A-Z]{2}"
)
"""The start of DICOM without preamble: one of the first attributes of group 2 or 8."""


def identify(head: bytes) -> Format | None:
    """Return the format by the first :data:`HEAD_BYTES` of a file, None for no image."""
    for offset, magic, kind in _SIGNATURES:
        if head[offset : offset + len(magic)] == magic:
            return kind
    # "BM" alone begins many a text; the reserved words and the header's length must fit too.
    if head[:2] == b"BM" and head[6:10] == bytes(4) and head[14:18] in _BMP_HEADER_SIZES:
        return Format.BMP
    if _PNM.match(head):
        return Format.PNM
    return Format.DICOM if _BARE_DICOM.match(head) else None
