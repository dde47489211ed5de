"""Raster files that a decoder gives wrongly without an error, or that it should have read."""

import struct
from typing import Any

import cv2
import numpy as np
import pytest
from cases import (
    PICTURE,
    SHARE,
    Page,
    jpeg,
    png_with,
    samples,
    tiff,
    with_stray_bytes,
)
from numpy.typing import NDArray

from cxr_edge.errors import Corrupt, UnsupportedFormat
from cxr_edge.imaging.decode import decode, decode_deep
from cxr_edge.imaging.image import GrayImage

COLOR = np.dstack([PICTURE, PICTURE[::-1], 255 - PICTURE])
OPAQUE = np.dstack([COLOR, np.full_like(PICTURE, 255)])
DEEP = COLOR.astype(np.uint16) * 257
LUMA = COLOR @ [0.299, 0.587, 0.114]
GRAY_ALPHA = np.dstack([PICTURE, np.full_like(PICTURE, 255)])


def shows(decoded: GrayImage, expected: NDArray[Any], tolerance: float = 1.1) -> bool:
    return bool(np.abs(decoded.pixels.astype(float) - expected).max() <= tolerance)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (Page(PICTURE), PICTURE),
        (Page(samples(16)), PICTURE),
        (Page(COLOR), LUMA),
        (Page(DEEP), LUMA),
        (Page(COLOR, t259=8), LUMA),
        (Page(COLOR, apart=True), LUMA),
        (Page(COLOR, apart=True, t259=8), LUMA),
        (Page(OPAQUE, t338=2), LUMA),
        (Page(OPAQUE, t338=0), LUMA),
        (Page(OPAQUE, apart=True, t338=2), LUMA),
        (Page(GRAY_ALPHA, t338=0), PICTURE),
        (Page(255 - PICTURE, t262=0), PICTURE),
    ],
)
def test_a_tiff_that_opencv_reads_rightly_is_read(page: Page, expected: NDArray[Any]) -> None:
    """Depth, channels, planes and compression of the white list give the picture."""
    assert shows(decode(tiff(page)), expected)


@pytest.mark.parametrize(
    ("page", "named"),
    [
        (Page(DEEP, apart=True), "RGB of 3 x 16 bits with its planes apart"),
        (Page(DEEP, apart=True, t259=8), "RGB of 3 x 16 bits with its planes apart, deflate"),
        (Page(np.dstack([DEEP, DEEP[..., 0]]), apart=True, t338=2), "RGB of 4 x 16 bits"),
        (Page(np.dstack([samples(16)] * 2), t338=2), "gray of 2 x 16 bits and transparency"),
        (Page(GRAY_ALPHA, t338=2), "gray of 2 x 8 bits and transparency"),
        (Page(PICTURE.astype(np.int8)), "gray of 1 x 8 bits signed"),
        (Page(samples(15).astype(np.int16)), "gray of 1 x 16 bits signed"),
        (Page(samples(16).astype(np.uint32)), "gray of 1 x 32 bits"),
        (Page(SHARE.astype(np.float32)), "gray of 1 x 32 bits floating-point"),
        *[(Page(PICTURE, t258=bits), f"of 1 x {bits} bits") for bits in (1, 2, 4, 10, 12, 14)],
        *[
            (Page(PICTURE, t259=number), name)
            for number, name in (
                (2, "CCITT compression"),
                (4, "CCITT Group 4"),
                (6, "old-style JPEG"),
                (33003, "JPEG 2000"),
                (34712, "JPEG 2000"),
                (34925, "LZMA"),
                (50000, "Zstandard"),
                (50001, "WebP"),
                (50002, "JPEG XL"),
                (52546, "JPEG XL"),
                (65000, "compression 65000"),
            )
        ],
        (Page(samples(16), t259=7), "gray of 1 x 16 bits, JPEG"),
        (Page(PICTURE, t259=8, t317=3), "deflate"),
        (Page(PICTURE, t266=2), "gray"),
        (Page(COLOR, t262=8), "CIELAB"),
        (Page(COLOR, t262=32844), "photometric interpretation 32844"),
        (Page(samples(16), t262=3), "a palette of 1 x 16 bits"),
    ],
)
def test_a_tiff_that_opencv_reads_wrongly_is_refused(page: Page, named: str) -> None:
    """Whatever else a TIFF has inside is named, and never called damaged."""
    with pytest.raises(UnsupportedFormat, match="convert it to PNG") as raised:
        decode(tiff(page))
    assert named in str(raised.value)


@pytest.mark.parametrize("side", [(64, 48), (32, 32), (16, 64), (16, 16), (48, 32)])
def test_a_tiff_of_bare_tiles_is_read_or_refused(side: tuple[int, int]) -> None:
    """OpenCV fails on uncompressed tiles that fill no whole blocks; that is no damage."""
    rows, columns = side
    page = Page(PICTURE, t322=columns, t323=rows)
    down, across = -(-PICTURE.shape[0] // rows), -(-PICTURE.shape[1] // columns)
    padded = np.zeros((down * rows, across * columns), np.uint8)
    padded[: PICTURE.shape[0], : PICTURE.shape[1]] = PICTURE
    tiles = padded.reshape(down, rows, across, columns).transpose(0, 2, 1, 3)
    page.strips = [tile.tobytes() for tile in tiles.reshape(-1, rows, columns)]
    data = tiff(page, tiled=True)
    if rows * columns % 1024:
        with pytest.raises(UnsupportedFormat):
            decode(data)
    else:
        assert shows(decode(data), PICTURE)


THUMBNAIL = np.ascontiguousarray(255 - PICTURE[::4, ::4])


@pytest.mark.parametrize(
    ("pages", "flags"),
    [
        ([Page(THUMBNAIL, t254=1), Page(PICTURE)], ()),
        ([Page(THUMBNAIL, t254=1), Page(THUMBNAIL, t254=1), Page(samples(16))], ()),
        ([Page(THUMBNAIL, t254=3), Page(PICTURE, t254=2)], ()),
        ([Page(THUMBNAIL, t254=4), Page(PICTURE)], ()),  # a mask
        ([Page(THUMBNAIL, t255=2), Page(PICTURE, t255=1)], ()),
        ([Page(PICTURE), Page(THUMBNAIL, t254=1)], ()),
        ([Page(THUMBNAIL, t254=1), Page(PICTURE), Page(THUMBNAIL)], ("multi-frame",)),
        ([Page(PICTURE), Page(THUMBNAIL)], ("multi-frame",)),
    ],
)
def test_the_first_page_that_is_no_smaller_copy_is_read(
    pages: list[Page], flags: tuple[str, ...]
) -> None:
    """A thumbnail is not taken for the image, wherever it stands, and is no second frame."""
    decoded = decode(tiff(*pages))
    assert shows(decoded, PICTURE)
    assert (decoded.source.width, decoded.source.height) == (64, 48)
    assert decoded.source.flags == flags
    deep = decode_deep(tiff(*pages))[1]
    assert np.abs(deep // 257 - PICTURE.astype(int)).max() <= 1


def test_a_tiff_of_smaller_copies_alone_is_its_first() -> None:
    """Where every page says that it is a copy, the first is the image."""
    assert shows(decode(tiff(Page(PICTURE, t254=1), Page(THUMBNAIL, t254=1))), PICTURE)


def test_directories_in_a_ring_end() -> None:
    """A directory that names itself as the next one is one page."""
    data = tiff(Page(PICTURE, t254=1))
    looped = data[:-4] + data[4:8]
    assert decode(looped).source.flags == ()


def test_an_image_below_the_page_of_its_thumbnail_is_refused() -> None:
    """A camera's TIFF, whose image lies in a sub-directory, is not read as its thumbnail."""
    with pytest.raises(UnsupportedFormat, match="smaller copy"):
        decode(tiff(Page(THUMBNAIL, t254=1, t330=8)))


@pytest.mark.parametrize("kind", [b"gAMA", b"sRGB", b"cHRM"])
def test_what_a_png_says_of_light_changes_no_gray(kind: bytes) -> None:
    """Luma is made of the samples, whether the file names a color space or not."""
    white, *primaries = [0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06]
    payload = {
        b"gAMA": struct.pack(">I", 45455),
        b"sRGB": b"\0",
        b"cHRM": struct.pack(">8I", *(round(1e5 * value) for value in (white, *primaries))),
    }[kind]
    assert shows(decode(png_with(COLOR[..., ::-1], kind, payload)), LUMA)


def bmp(pixels: NDArray[Any], masks: tuple[int, ...]) -> bytes:
    """Return a BMP with its second header of 56 bytes and bit fields: red, green, blue, alpha."""
    rows, columns = pixels.shape
    raw = pixels[::-1].tobytes()
    second = struct.pack("<IiiHHIIiiII", 56, columns, rows, 1, 8 * pixels.itemsize, 3, len(raw),
                         0, 0, 0, 0) + struct.pack("<4I", *masks)  # fmt: skip
    return b"BM" + struct.pack("<IHHI", 70 + len(raw), 0, 0, 70) + second + raw


@pytest.mark.parametrize(
    ("pixels", "masks"),
    [
        (samples(10).astype(np.uint32) * 0x100401, (0x3FF00000, 0xFFC00, 0x3FF, 0)),
        (PICTURE.astype(np.uint32) * 0x1010100, (0xFF000000, 0xFF0000, 0xFF00, 0)),
        (PICTURE.astype(np.uint32), (0xFF, 0xFF00, 0xFF0000, 0)),
        (PICTURE.astype(np.uint16) >> 4, (0xF00, 0xF0, 0xF, 0)),
    ],
)
def test_a_bmp_of_unusual_bit_fields_is_refused(
    pixels: NDArray[Any], masks: tuple[int, ...]
) -> None:
    """Colors that the decoder takes from other bits than the file's are not shown."""
    with pytest.raises(UnsupportedFormat, match="usual order"):
        decode(bmp(pixels, masks))


def test_a_bmp_of_usual_bit_fields_is_read() -> None:
    """Colors of 8 bits in the usual order are the picture."""
    wide = PICTURE.astype(np.uint32) * 0x10101
    for transparency in (0, 0xFF000000):  # empty where it is named, which means nothing
        decoded = decode(bmp(wide, (0xFF0000, 0xFF00, 0xFF, transparency)))
        assert shows(decoded, PICTURE)
        assert decoded.source.flags == ()


ALPHA = np.full_like(PICTURE, 255)
ALPHA[:20] = 0
ALPHA[20:24] = 128
HIDDEN = COLOR.copy()
HIDDEN[:20] = 255
SEEN = (HIDDEN @ [0.299, 0.587, 0.114]) * (ALPHA / 255)
RGBA = np.dstack([HIDDEN, ALPHA])
WIDE = RGBA.astype(np.uint16) * 257
ARGB = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


@pytest.mark.parametrize(
    "data",
    [
        cv2.imencode(".png", RGBA[..., [2, 1, 0, 3]])[1].tobytes(),
        cv2.imencode(".png", WIDE[..., [2, 1, 0, 3]])[1].tobytes(),
        tiff(Page(RGBA, t338=2)),
        tiff(Page(RGBA, t338=2, t259=8)),
        tiff(Page(RGBA, apart=True, t338=2)),
        tiff(Page(WIDE, t338=2)),
        bmp(RGBA @ np.array([1 << 16, 1 << 8, 1, 1 << 24]).astype(np.uint32), ARGB),
    ],
    ids=["png", "png-16", "tiff", "tiff-deflate", "tiff-planes", "tiff-16", "bmp"],
)
def test_transparency_is_shown_over_black(data: bytes) -> None:
    """Pixels hidden under it are not shown as white, and the image is flagged."""
    decoded = decode(data)
    assert shows(decoded, SEEN, tolerance=1.6)
    assert "transparent" in decoded.source.flags


@pytest.mark.parametrize("bits", [8, 16])
def test_a_gray_that_stands_for_transparency_is_black(bits: int) -> None:
    """A PNG may name one gray as transparent, and an opaque one is not flagged for naming one."""
    stored = samples(bits).astype(np.uint8 if bits == 8 else np.uint16)
    stored[:8] = white = (1 << bits) - 1
    expected = np.where(stored == white, 0, stored / white * 255)
    decoded = decode(png_with(stored, b"tRNS", struct.pack(">H", white)))
    assert shows(decoded, expected)
    assert "transparent" in decoded.source.flags
    rest = np.where(stored == white, white - 1, stored).astype(stored.dtype)
    assert decode(png_with(rest, b"tRNS", struct.pack(">H", white))).source.flags == ()


def test_an_opaque_alpha_changes_nothing() -> None:
    """Transparency that is there and not used is no flag, and no other pixel."""
    plain = decode(cv2.imencode(".png", COLOR)[1].tobytes())
    opaque = decode(cv2.imencode(".png", OPAQUE)[1].tobytes())
    np.testing.assert_array_equal(plain.pixels, opaque.pixels)
    assert plain.source.flags == opaque.source.flags == ("color",)


@pytest.mark.parametrize("marker", [0xDB, 0xC0, 0xC4, 0xDA])
@pytest.mark.parametrize("stray", [b"\0", bytes(5), b"\x12\x34\x56", bytes(40), b"\xff\0\xff\0"])
def test_stray_bytes_between_segments_are_stepped_over(marker: int, stray: bytes) -> None:
    """A JPEG that other readers show is read."""
    data = jpeg(PICTURE)
    expected = decode(data)
    assert shows(decode(with_stray_bytes(data, marker, stray)), expected.pixels, 0)


def test_many_stray_bytes_are_damage() -> None:
    """A long stretch without a marker is no slip of a writer."""
    with pytest.raises(Corrupt, match="no marker"):
        decode(with_stray_bytes(jpeg(PICTURE), 0xDB, bytes(500)))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ((b"\xff\xc0\0\x0b\x08", b"\xff\xc1\0\x0b\x0c"), "12 bits"),
        ((b"\xff\xc0\0\x0b\x08", b"\xff\xc3\0\x0b\x10"), "16 bits"),
        ((b"\xff\xc0\0\x0b\x08", b"\xff\xf7\0\x0b\x08"), "JPEG-LS"),
    ],
)
def test_another_jpeg_is_named(change: tuple[bytes, bytes], named: str) -> None:
    """A JPEG that only other decoders read is no damage."""
    data = jpeg(PICTURE)
    assert data.count(change[0]) == 1
    with pytest.raises(UnsupportedFormat, match=named):
        decode(data.replace(*change))
