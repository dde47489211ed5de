"""Files with a flipped bit: refused, flagged, or the same image, as far as the format can tell."""

import struct
from collections import Counter

import cv2
import imagecodecs
import numpy as np
import pytest
from damage import flips, scan_of
from numpy.typing import NDArray

from cxr_edge.errors import Corrupt, ImageError
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.headers.jpeg import jpeg_header
from cxr_edge.imaging.jpeg import decode_gray, is_damaged
from cxr_edge.spec.input_spec import InputSpec

ROWS, COLUMNS = np.mgrid[0:96, 0:128]
NOISE = np.random.default_rng(7).normal(0, 4, ROWS.shape)
IMAGE = (128 + 60 * np.sin(COLUMNS / 9) + 50 * np.cos(ROWS / 12) + NOISE).astype(np.uint8)
DEEP = IMAGE.astype(np.uint16) * 200 + IMAGE
COLOR = np.dstack([IMAGE, IMAGE[::-1], IMAGE[:, ::-1]])
DEFLATE = (cv2.IMWRITE_TIFF_COMPRESSION, 8)


def encoded(suffix: str, pixels: NDArray[np.generic], *options: int) -> bytes:
    return cv2.imencode(suffix, pixels, options)[1].tobytes()


CHECKED = {
    "png": encoded(".png", IMAGE),
    "png-16": encoded(".png", DEEP),
    "png-rgb": encoded(".png", COLOR),
    "tiff-deflate": encoded(".tiff", IMAGE, *DEFLATE),
    "tiff-deflate-16": encoded(".tiff", DEEP, *DEFLATE),
    "tiff-deflate-rgb": encoded(".tiff", COLOR, *DEFLATE),
    "tiff-deflate-strips": encoded(".tiff", IMAGE, *DEFLATE, cv2.IMWRITE_TIFF_ROWSPERSTRIP, 10),
    "tiff-deflate-predicted": encoded(".tiff", DEEP, *DEFLATE, cv2.IMWRITE_TIFF_PREDICTOR, 2),
}


@pytest.mark.parametrize("name", CHECKED)
def test_no_flipped_bit_passes_a_checksum(name: str) -> None:
    """Where the format has one, a damaged image is never scored: it is refused, or the same."""
    data = CHECKED[name]
    intact = decode(data)
    assert "damaged" not in intact.source.flags
    end = struct.unpack_from("<I", data, 4)[0] if name.startswith("tiff") else len(data)
    for copy in flips(data, slice(8, end), 300):
        try:
            found = decode(copy)
        except ImageError:
            continue
        np.testing.assert_array_equal(found.pixels, intact.pixels)


def test_a_wrong_checksum_is_named() -> None:
    """The detail says that the file is damaged, not that its format is odd."""
    for name in ("png", "tiff-deflate"):
        data = CHECKED[name]
        at = len(data) // 2 if name == "png" else 40
        with pytest.raises(Corrupt, match=r"damaged: a checksum"):
            decode(data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :])


PACKED = {
    "tiff-lzw": encoded(".tiff", IMAGE, cv2.IMWRITE_TIFF_COMPRESSION, 5),
    "tiff-lzw-16": encoded(".tiff", DEEP, cv2.IMWRITE_TIFF_COMPRESSION, 5),
    "tiff-lzw-rgb": encoded(".tiff", COLOR, cv2.IMWRITE_TIFF_COMPRESSION, 5),
    "tiff-packbits": encoded(".tiff", IMAGE // 32 * 32, cv2.IMWRITE_TIFF_COMPRESSION, 32773),
}


def flipped(data: bytes, place: slice) -> Counter[str]:
    """Count how an intact file decodes with a bit flipped: refused, near or wrong, and flagged."""
    intact, found = decode(data), Counter[str]()
    assert "damaged" not in intact.source.flags
    for copy in flips(data, place, 200):
        try:
            image = decode(copy)
        except ImageError:
            found["refused"] += 1
            continue
        wrong = np.abs(image.pixels.astype(int) - intact.pixels).mean() > 2
        found[f"{'wrong' if wrong else 'near'}, {'damaged' in image.source.flags}"] += 1
    return found


@pytest.mark.parametrize("name", PACKED)
def test_a_strip_of_another_size_is_flagged(name: str) -> None:
    """Without a checksum, what unpacks to more or fewer bytes than its rows is damaged."""
    data = PACKED[name]
    found = flipped(data, slice(8, struct.unpack_from("<I", data, 4)[0]))
    told = found["refused"] + found["wrong, True"]
    assert told >= max(3 * found["wrong, False"], 1), found


JPEGS = {
    "jpeg": encoded(".jpg", IMAGE),
    "jpeg-rgb": encoded(".jpg", COLOR),
    "jpeg-cmyk": imagecodecs.jpeg8_encode(
        np.dstack([COLOR, IMAGE]), colorspace="CMYK", outcolorspace="CMYK"
    ),
    "jpeg-lossless": imagecodecs.jpeg8_encode(IMAGE, lossless=True),
    "jpeg-progressive": encoded(".jpg", IMAGE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "jpeg-restarts": encoded(".jpg", IMAGE, cv2.IMWRITE_JPEG_RST_INTERVAL, 16),
}


@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_decoded_past_damage_is_flagged(name: str) -> None:
    """Damage that the decoder tells is in the report: a code without meaning, a scan that ends
    too early or too late."""
    data = JPEGS[name]
    found = flipped(data, scan_of(data))
    told = found["refused"] + found["wrong, True"]
    assert told >= max(found["wrong, False"], 1), found


def test_a_part_that_is_missing_is_flagged() -> None:
    """A scan without its middle, or with zeros there, is no whole image, at any scale."""
    data = encoded(".jpg", np.kron(IMAGE, np.ones((4, 4), np.uint8)))
    third = len(data) // 3
    for copy in (data[:third] + data[2 * third :], data[:third] + bytes(600) + data[third + 600 :]):
        for spec in (None, InputSpec(64, 64), InputSpec(20, 20)):
            assert "damaged" in decode(copy, spec).source.flags


def test_a_missing_restart_marker_is_flagged() -> None:
    """Restart markers are numbered, so that none can be lost unseen."""
    data = JPEGS["jpeg-restarts"]
    at = data.index(b"\xff\xd3")
    assert "damaged" in decode(data[:at] + b"\xff\xd4" + data[at + 2 :]).source.flags


@pytest.mark.parametrize("reduction", [1, 2, 4, 8])
@pytest.mark.parametrize("name", JPEGS)
def test_jpeg_has_the_pixels_of_opencv(name: str, reduction: int) -> None:
    """The decoder that tells of damage gives the pixels of that by which models were trained."""
    is_lossless = name == "jpeg-lossless"  # it has no smaller scale
    mode = {
        1: cv2.IMREAD_GRAYSCALE,
        2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
        4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
        8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    }[1 if is_lossless else reduction]
    data = JPEGS[name]
    decoded = decode_gray(data, jpeg_header(data), reduction)
    assert decoded is not None
    np.testing.assert_array_equal(decoded.pixels, cv2.imdecode(np.frombuffer(data, np.uint8), mode))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(10))
def test_exif_turns_a_jpeg_as_opencv_does(orientation: int, order: str) -> None:
    """All eight ways to lie come out upright; a number that means none changes nothing."""
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 1)
    payload = b"Exif\0\0" + exif + entry + bytes(4)
    jpeg = JPEGS["jpeg"]
    data = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(decode(data).pixels, expected)


def test_a_jpeg_of_odd_subsampling_is_made_gray_by_opencv() -> None:
    """Luma at three times the width of color, as no other decoder here reads it, is read."""
    jpeg = JPEGS["jpeg-rgb"]
    factors = jpeg.index(b"\xff\xc0") + 11
    data = jpeg[:factors] + b"\x31" + jpeg[factors + 1 :]
    assert decode_gray(data, jpeg_header(data), 1) is None
    assert not is_damaged(data)
    assert decode(data).pixels.shape == IMAGE.shape
