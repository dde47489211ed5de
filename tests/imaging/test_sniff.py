"""The format of a file, by its first bytes."""

import re

import pytest
from fakes import ROOT
from rasters import bmp

from cxr_edge.imaging.sniff import HEAD_BYTES, SUFFIXES, Format, identify


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", Format.JPEG),
        (b"\xff\xd8\xff\xdb", Format.JPEG),
        (b"\x89PNG\r\n\x1a\n\x00\x00", Format.PNG),
        (b"II*\x00\x08\x00\x00\x00", Format.TIFF),
        (b"MM\x00*\x00\x00\x00\x08", Format.TIFF),
        (b"II+\x00\x08\x00\x00\x00", Format.BIGTIFF),
        (b"MM\x00+\x00\x08\x00\x00", Format.BIGTIFF),
        (bytes(128) + b"DICM", Format.DICOM),
        (b"any preamble at all".ljust(128) + b"DICM", Format.DICOM),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", Format.JPEG2000),
        (b"\xff\x4f\xff\x51\x00\x2f", Format.JPEG2000),
        (b"GIF87a", Format.GIF),
        (b"GIF89a", Format.GIF),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", Format.WEBP),
        (b"\x00\x00\x00\x18ftypheic", Format.HEIF),
        (b"\x00\x00\x00\x18ftypheix", Format.HEIF),
        (b"\x00\x00\x00\x18ftypmif1", Format.HEIF),
        (b"\x00\x00\x00\x18ftyphevc", Format.HEIF),
        (b"\x00\x00\x00\x1cftypavif", Format.AVIF),
        (b"\xff\x0a\xfa\x1f", Format.JPEGXL),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", Format.JPEGXL),
        (b"P5\n640 480\n255\n\x00\x01", Format.PNM),
        (b"P2 # drawn\n2 2\n255\n", Format.PNM),
        (b"P7\nWIDTH 2\n", Format.PNM),
        (b"Pf\n2 2\n-1.0\n", Format.PNM),
        (b"NRRD0004\n", Format.NRRD),
        (b"ObjectType = Image\nNDims = 3\n", Format.METAIMAGE),
        (b"\x5c\x01\x00\x00" + bytes(40), Format.NIFTI),
        *[(bmp(20, 8, info)[:60], Format.BMP) for info in (12, 40, 108, 124)],
    ],
)
def test_first_bytes_tell_the_format(head: bytes, kind: Format) -> None:
    """Every format is known by its signature, whatever the file is called."""
    assert identify(head) is kind


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"BM",
        b"BMI of the patients, one a line: 22.5, 24.1, 19.8, 30.0",
        b"<!DOCTYPE html><html>".ljust(200),
        b"DICM at the start is no DICOM",
        bytes(127) + b"DICM" + bytes(60),
        b"RIFF\x10\x00\x00\x00WAVEfmt ",
        b"\x00\x00\x00\x18ftypmp42",
        b"\xff\xd8",
        b"PK\x03\x04",
        b"P5 is the largest, P2 the smallest",
        b"Patient 7",
    ],
)
def test_what_resembles_an_image_is_none(head: bytes) -> None:
    """Text and foreign containers are not taken for images."""
    assert identify(head[:HEAD_BYTES]) is None


def test_suffixes_are_written_as_they_are_compared() -> None:
    """Each known suffix is lower case with its dot, so a lowered file name can match."""
    assert all(suffix == suffix.lower() and suffix[:1] == "." for suffix in SUFFIXES)


def test_the_docs_list_every_known_suffix() -> None:
    """Who reads which files are taken finds them all."""
    text = (ROOT / "docs" / "report.md").read_text("utf-8")
    listed = re.findall(r"`([^`]*\.bmp[^`]*)`", text)
    assert listed[0].split() == sorted(SUFFIXES)
