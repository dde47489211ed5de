"""What first bytes and headers say."""

import contextlib
import struct
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_edge.errors import Corrupt, ImageError, NotAnImage, Truncated
from cxr_edge.imaging.header import Header
from cxr_edge.imaging.headers import read_header
from cxr_edge.imaging.sniff import HEAD_BYTES, SUFFIXES, Format, identify

IMAGE = np.add.outer(np.arange(20), 3 * np.arange(30)).astype(np.uint8)
WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, ROWS_A_STRIP = 256, 257, 258, 259, 262, 278
OFFSETS = {"strips": 273, "tiles": 324}
BYTES = {"strips": 279, "tiles": 325}


def encoded(suffix: str, image: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(suffix, image, options)[1].tobytes()


def png(bits: int, color_type: int) -> bytes:
    """Return a PNG of 30 x 20 with a header as told and no pixels in it."""
    body = b"\x89PNG\r\n\x1a\n"
    header = struct.pack(">IIBBBBB", 30, 20, bits, color_type, 0, 0, 0)
    for kind, payload in ((b"IHDR", header), (b"IDAT", b"pixels"), (b"IEND", b"")):
        checked = kind + payload
        body += struct.pack(">I", len(payload)) + checked + struct.pack(">I", zlib.crc32(checked))
    return body


def tiff(
    order: str = "<", photometric: int = 1, bits: int = 8, pages: int = 1, store: str = "strips"
) -> bytes:
    """Return an uncompressed TIFF of 30 x 20 whose pages share one block of pixels."""
    pixels = bytes(30 * 20 * bits // 8)
    body = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(pixels))
    body += pixels
    tags = {WIDTH: 30, LENGTH: 20, BITS: bits, COMPRESSION: 1, PHOTOMETRIC: photometric}
    tags |= {OFFSETS[store]: 8, ROWS_A_STRIP: 20, BYTES[store]: len(pixels)}
    for page in range(pages):
        body += struct.pack(order + "H", len(tags))
        for tag, value in sorted(tags.items()):
            body += struct.pack(order + "HHII", tag, 4, 1, value)
        body += struct.pack(order + "I", len(body) + 4 if page + 1 < pages else 0)
    return body


def bmp(height: int, bits: int, info: int = 40) -> bytes:
    """Return an uncompressed BMP, 30 wide; ``info`` is the size of its second header."""
    pixels = bytes((30 * bits + 31) // 32 * 4 * abs(height))
    size = struct.pack("<HH", 30, height) if info == 12 else struct.pack("<ii", 30, height)
    second = (struct.pack("<I", info) + size + struct.pack("<HH", 1, bits)).ljust(info, b"\0")
    offset = 14 + len(second)
    first = b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset)
    return first + second + pixels


WHOLE = {
    "jpeg": (Format.JPEG, encoded(".jpg", IMAGE)),
    "jpeg-progressive": (Format.JPEG, encoded(".jpg", IMAGE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
    "png": (Format.PNG, encoded(".png", IMAGE)),
    "tiff": (Format.TIFF, tiff()),
    "tiff-big-endian": (Format.TIFF, tiff(">")),
    "tiff-tiled": (Format.TIFF, tiff(store="tiles")),
    "tiff-lzw": (Format.TIFF, encoded(".tiff", IMAGE, cv2.IMWRITE_TIFF_COMPRESSION, 5)),
    "bmp": (Format.BMP, encoded(".bmp", IMAGE)),
    "bmp-top-down": (Format.BMP, bmp(-20, 24)),
    "bmp-os2": (Format.BMP, bmp(20, 8, info=12)),
}
whole = pytest.mark.parametrize(("kind", "data"), WHOLE.values(), ids=WHOLE)


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
    ],
)
def test_what_resembles_an_image_is_none(head: bytes) -> None:
    """Text and foreign containers are not taken for images."""
    assert identify(head[:HEAD_BYTES]) is None


def test_suffixes_are_written_as_they_are_compared() -> None:
    """Each known suffix is lower case with its dot, so a lowered file name can match."""
    assert all(suffix == suffix.lower() and suffix[:1] == "." for suffix in SUFFIXES)


RGB, RGBA = np.dstack([IMAGE] * 3), np.dstack([IMAGE] * 4)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (encoded(".jpg", IMAGE), Header(Format.JPEG, 30, 20, 8, color=False)),
        (encoded(".jpg", RGB), Header(Format.JPEG, 30, 20, 8, color=True)),
        (WHOLE["jpeg-progressive"][1], Header(Format.JPEG, 30, 20, 8, color=False)),
        (encoded(".png", IMAGE), Header(Format.PNG, 30, 20, 8, color=False)),
        (encoded(".png", RGB), Header(Format.PNG, 30, 20, 8, color=True)),
        (encoded(".png", RGBA), Header(Format.PNG, 30, 20, 8, color=True)),
        (encoded(".png", IMAGE.astype(np.uint16)), Header(Format.PNG, 30, 20, 16, color=False)),
        (png(4, 3), Header(Format.PNG, 30, 20, 4, color=True)),
        (png(8, 4), Header(Format.PNG, 30, 20, 8, color=False)),
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
    """Size, depth, colour, pages and polarity are told as they are stored."""
    assert read_header(data, expected.format) == expected


def test_bytes_behind_the_end_of_an_image_do_no_harm() -> None:
    """A file with something appended to it is still whole."""
    for kind, data in WHOLE.values():
        assert read_header(data + b"appended" * 20, kind) == read_header(data, kind)


def test_a_thumbnail_is_not_taken_for_the_image() -> None:
    """The end of a JPEG inside a JPEG's metadata does not make a cut file whole."""
    thumbnail = encoded(".jpg", IMAGE[:8, :8])
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    image = WHOLE["jpeg"][1]
    data = image[:2] + segment + image[2:]
    assert read_header(data, Format.JPEG).width == 30
    with pytest.raises(Truncated):
        read_header(data[:-100], Format.JPEG)


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


@pytest.mark.parametrize("tag", [WIDTH, LENGTH, BITS, PHOTOMETRIC, *OFFSETS.values()])
@pytest.mark.parametrize("store", OFFSETS)
def test_a_tiff_entry_without_values_does_no_harm(store: str, tag: int) -> None:
    """A directory entry that promises no values ends in a header or an ImageError."""
    data = tiff(store=store)
    head = struct.pack("<HH", tag, 4)
    empty = data.replace(head + struct.pack("<I", 1), head + struct.pack("<I", 0))
    with contextlib.suppress(ImageError):
        assert read_header(empty, Format.TIFF).format is Format.TIFF


@pytest.mark.parametrize("tag", [700, OFFSETS["strips"], BITS])
def test_tiff_entries_that_share_their_values_are_not_multiplied(tag: int) -> None:
    """However many entries name the same long list, less memory is taken than the file has."""
    values, entries = 20_000, 400
    tags = [(WIDTH, 1, 30), (LENGTH, 1, 20), *[(tag, values, 8)] * entries]
    directory = 8 + 4 * values
    data = struct.pack("<4sI", b"II*\0", directory) + bytes(4 * values)
    data += struct.pack("<H", len(tags))
    data += b"".join(struct.pack("<HHII", tag, 4, count, value) for tag, count, value in tags)
    data += bytes(4)
    tracemalloc.start()
    try:
        header = read_header(data, Format.TIFF)
        assert tracemalloc.get_traced_memory()[1] < len(data)
    finally:
        tracemalloc.stop()
    assert (header.width, header.height) == (30, 20)


@pytest.mark.parametrize("wrong", [0, 70_000, 99_999])
def test_every_strip_is_looked_at(wrong: int) -> None:
    """Of a hundred thousand strips the one that lies behind the end of the file is found."""
    count = 100_000
    places = np.full(count, 8, "<u4")
    places[wrong] = 1 << 31
    directory = 8 + 8 * count
    tags = [(WIDTH, 1, 1), (LENGTH, 1, count), (OFFSETS["strips"], count, 8)]
    tags += [(BYTES["strips"], count, 8 + 4 * count)]
    data = struct.pack("<4sI", b"II*\0", directory) + places.tobytes() + bytes(4 * count)
    data += struct.pack("<H", len(tags))
    data += b"".join(struct.pack("<HHII", tag, 4, many, value) for tag, many, value in tags)
    with pytest.raises(Truncated, match="within its pixels"):
        read_header(data + bytes(4), Format.TIFF)


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
