"""The header of any raster file."""

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasters import IMAGE, LENGTH, WHOLE, WIDTH, bmp, encoded, png, tiff

from cxr_edge.errors import Corrupt, ImageError, NotAnImage, Truncated
from cxr_edge.imaging.headers.header import Header
from cxr_edge.imaging.headers.read import read_header
from cxr_edge.imaging.sniff import Format

whole = pytest.mark.parametrize(("kind", "data"), WHOLE.values(), ids=WHOLE)
RGB, RGBA = np.dstack([IMAGE] * 3), np.dstack([IMAGE] * 4)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (encoded(".jpg", IMAGE), Header(Format.JPEG, 30, 20, 8, color=False)),
        (encoded(".jpg", RGB), Header(Format.JPEG, 30, 20, 8, color=True)),
        (WHOLE["jpeg-progressive"][1], Header(Format.JPEG, 30, 20, 8, color=False)),
        (encoded(".png", IMAGE), Header(Format.PNG, 30, 20, 8, color=False)),
        (encoded(".png", RGB), Header(Format.PNG, 30, 20, 8, color=True)),
        (encoded(".png", RGBA), Header(Format.PNG, 30, 20, 8, color=True, has_alpha=True)),
        (encoded(".png", IMAGE.astype(np.uint16)), Header(Format.PNG, 30, 20, 16, color=False)),
        (png(4, 3), Header(Format.PNG, 30, 20, 4, color=True)),
        (png(8, 4), Header(Format.PNG, 30, 20, 8, color=False, has_alpha=True)),
        (tiff("<"), Header(Format.TIFF, 30, 20, 8, color=False)),
        (tiff(">"), Header(Format.TIFF, 30, 20, 8, color=False)),
        (tiff(">", bits=16), Header(Format.TIFF, 30, 20, 16, color=False)),
        (tiff(photometric=0), Header(Format.TIFF, 30, 20, 8, color=False, white_is_zero=True)),
        (tiff(photometric=2), Header(Format.TIFF, 30, 20, 8, color=True)),
        (tiff(photometric=3), Header(Format.TIFF, 30, 20, 8, color=True)),
        (tiff(pages=3), Header(Format.TIFF, 30, 20, 8, color=False, pages=2)),
        (tiff(">", store="tiles"), Header(Format.TIFF, 30, 20, 8, color=False)),
        (WHOLE["tiff-lzw"][1], Header(Format.TIFF, 30, 20, 8, color=False)),
        (encoded(".tiff", RGB), Header(Format.TIFF, 30, 20, 8, color=True)),
        (bmp(20, 8), Header(Format.BMP, 30, 20, 8, color=False)),
        (bmp(-20, 8), Header(Format.BMP, 30, 20, 8, color=False)),
        (bmp(20, 24), Header(Format.BMP, 30, 20, 8, color=True)),
        (bmp(20, 8, info=12), Header(Format.BMP, 30, 20, 8, color=False)),
    ],
)
def test_a_header_is_read_without_decoding(data: bytes, expected: Header) -> None:
    """Size, depth, color, pages and polarity are told as they are stored."""
    assert read_header(data, expected.format) == expected


def test_bytes_behind_the_end_of_an_image_do_no_harm() -> None:
    """A file with something appended to it is still whole."""
    for kind, data in WHOLE.values():
        assert read_header(data + b"appended" * 20, kind) == read_header(data, kind)


@whole
def test_a_cut_file_is_truncated_wherever_it_is_cut(kind: Format, data: bytes) -> None:
    """A file that was not copied to its end is told apart from a damaged one."""
    end = len(data) - (4 if kind is Format.PNG else 0)  # a PNG's last 4 bytes are a checksum
    for cut in {*range(4, min(end, 700)), *range(4, end, 31), end - 1}:
        with pytest.raises(Truncated):
            read_header(data[:cut], kind)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Format.JPEG, WHOLE["jpeg"][1].replace(b"\x00\x14\x00\x1e", bytes(4))),
        (Format.JPEG, b"\xff\xd8\xff\xda\x00\x08" + bytes(6) + b"\xff\xd9"),
        (Format.JPEG, b"\xff\xd8\xff\xe0\x00\x02no marker"),
        (Format.PNG, WHOLE["png"][1].replace(b"IHDR", b"IHDX")),
        (Format.PNG, WHOLE["png"][1].replace(struct.pack(">II", 30, 20), bytes(8))),
        (Format.TIFF, tiff().replace(struct.pack("<H", LENGTH), struct.pack("<H", 999))),
        (Format.TIFF, tiff().replace(struct.pack("<HHII", WIDTH, 4, 1, 30), bytes(12))),
        (Format.BMP, bmp(0, 8)),
        (Format.BMP, bmp(20, 8).replace(struct.pack("<i", 30), struct.pack("<i", -30))),
    ],
)
def test_a_header_that_contradicts_itself_is_corrupt(kind: Format, data: bytes) -> None:
    """A whole file with an impossible header is damaged, not cut."""
    with pytest.raises(Corrupt):
        read_header(data, kind)


@pytest.mark.slow
@whole
@settings(max_examples=60, deadline=None)
@given(draw=st.data())
def test_damage_is_an_image_error_and_nothing_else(
    kind: Format, data: bytes, draw: st.DataObject
) -> None:
    """Whatever bytes rot, a header is read or an ImageError says why not."""
    places = st.integers(2, len(data) - 1) | st.integers(2, 60) | st.integers(-110, -1)
    damaged = bytearray(data)
    for place, value in draw.draw(st.dictionaries(places, st.integers(0, 255), max_size=6)).items():
        damaged[place] = value
    cut = draw.draw(st.just(len(data)) | st.integers(2, len(data)))
    with contextlib.suppress(ImageError):
        assert read_header(bytes(damaged[:cut]), kind).format is kind


@pytest.mark.parametrize("kind", [Format.DICOM, Format.GIF, Format.BIGTIFF])
def test_headers_of_other_formats_are_not_guessed(kind: Format) -> None:
    """Only the four raster formats have headers to read here."""
    with pytest.raises(NotAnImage, match=kind):
        read_header(bytes(200), kind)
