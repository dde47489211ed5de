"""The flag of images that show color: for a colored stamp, not for gray in three channels."""

import struct
import zlib

import cv2
import imagecodecs
import numpy as np
import pytest
from cases import described
from compression import reframed
from dicoms import Make, saved
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.uid import JPEG2000, JPEGBaseline8Bit
from rasters import encoded

from cxr_edge.imaging.array import gray_image
from cxr_edge.imaging.color import spread
from cxr_edge.imaging.decode import decode
from cxr_edge.spec.input_spec import InputSpec

FILM = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (320, 400), np.uint8), (5, 5), 2)
FILM = cv2.normalize(FILM, None, 0, 255, cv2.NORM_MINMAX)
GRAY = np.dstack([FILM] * 3)
STAMPED = GRAY.copy()
STAMPED[103:118, 207:222] = 90, 90, 130  # pale, 225 pixels
OPAQUE = np.full_like(FILM, 255)
SPEC = InputSpec(20, 20)
"""Input of a model for which a JPEG of FILM's size is decoded at an eighth of it."""


def jpeg_of(rgb: NDArray[np.uint8], quality: int, subsampling: str) -> bytes:
    data: bytes = imagecodecs.jpeg8_encode(
        rgb, level=quality, subsampling=subsampling, colorspace="RGB", outcolorspace="YCBCR"
    )
    return data


def indexed(rgb: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return an image as indices of a palette of grays and, at its end, one color; and those."""
    indices = np.minimum(rgb[..., 0], 254)
    is_stamp = rgb[..., 0] != rgb[..., 2]
    indices[is_stamp] = 255
    entries = np.repeat(np.arange(256, dtype=np.uint8)[:, np.newaxis], 3, axis=1)
    entries[255] = 90, 90, 130
    return indices, entries


def png_palette(rgb: NDArray[np.uint8]) -> bytes:
    indices, entries = indexed(rgb)
    body = b"\x89PNG\r\n\x1a\n"
    for kind, payload in (
        (b"IHDR", struct.pack(">IIBBBBB", *indices.shape[::-1], 8, 3, 0, 0, 0)),
        (b"PLTE", entries.tobytes()),
        (b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in indices))),
        (b"IEND", b""),
    ):
        checked = kind + payload
        body += struct.pack(">I", len(payload)) + checked + struct.pack(">I", zlib.crc32(checked))
    return body


def bmp_palette(rgb: NDArray[np.uint8]) -> bytes:
    indices, entries = indexed(rgb)
    rows, columns = indices.shape
    palette = np.insert(entries[:, ::-1], 3, 0, axis=1).tobytes()
    second = struct.pack("<IiiHHIIiiII", 40, columns, rows, 1, 8, 0, 0, 0, 0, 0, 0)
    start = 14 + len(second) + len(palette)
    first = b"BM" + struct.pack("<IHHI", start + indices.size, 0, 0, start)
    return first + second + palette + indices[::-1].tobytes()


def rasters(rgb: NDArray[np.uint8]) -> dict[str, bytes]:
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    deep = bgr.astype(np.uint16)
    return {
        f"jpeg-{quality}-{way}": jpeg_of(rgb, quality, way)
        for quality in (30, 50, 75, 90, 100)
        for way in ("444", "422", "420")
    } | {
        "jpeg-progressive": encoded(".jpg", bgr, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        "jpeg-rgb": imagecodecs.jpeg8_encode(rgb, colorspace="RGB", outcolorspace="RGB"),
        "jpeg-cmyk": imagecodecs.jpeg8_encode(
            np.dstack([rgb, OPAQUE]), colorspace="CMYK", outcolorspace="CMYK"
        ),
        "png": encoded(".png", bgr),
        "png-16": encoded(".png", deep * 257),
        "png-12-of-16": encoded(".png", deep * 16),
        "png-palette": png_palette(rgb),
        "png-alpha": encoded(".png", np.dstack([bgr, OPAQUE])),
        "tiff": encoded(".tiff", bgr),
        "tiff-16": encoded(".tiff", deep * 257),
        "tiff-alpha": encoded(".tiff", np.dstack([bgr, OPAQUE])),
        "bmp": encoded(".bmp", bgr),
        "bmp-palette": bmp_palette(rgb),
    }


FILMS, STAMPS = rasters(GRAY), rasters(STAMPED)


@pytest.mark.parametrize("spec", [None, SPEC], ids=["full", "reduced"])
@pytest.mark.parametrize("name", FILMS)
def test_gray_in_three_channels_is_not_flagged(name: str, spec: InputSpec | None) -> None:
    """Gray that is stored as RGB or with a palette has no flag, at full and at reduced scale."""
    assert "color" not in decode(FILMS[name], spec).source.flags


@pytest.mark.parametrize("spec", [None, SPEC], ids=["full", "reduced"])
@pytest.mark.parametrize("name", STAMPS)
def test_a_small_stamp_is_flagged(name: str, spec: InputSpec | None) -> None:
    """A pale stamp of 225 pixels on a gray film is color, at full and at reduced scale."""
    assert "color" in decode(STAMPS[name], spec).source.flags


@pytest.mark.parametrize("files", [FILMS, STAMPS], ids=["gray", "stamped"])
@pytest.mark.parametrize("name", FILMS)
def test_the_pixels_are_those_of_a_gray_decoder(name: str, files: dict[str, bytes]) -> None:
    """A look at the channels changes no pixel: they are OpenCV's gray."""
    mode = cv2.IMREAD_GRAYSCALE | (cv2.IMREAD_ANYDEPTH if "16" in name else 0)
    expected = cv2.imdecode(np.frombuffer(files[name], np.uint8), mode)
    if "16" in name:
        expected = np.rint(expected * (255 / (4095 if "12" in name else 65535)))
    np.testing.assert_array_equal(decode(files[name]).pixels, expected)


def dicom(make: Make, kind: str, rgb: NDArray[np.uint8]) -> bytes:
    ycc = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]]
    if kind == "palette":
        return saved(palette(make, rgb))
    if kind in ("jpeg", "jpeg-2000"):
        dataset = make(
            photometric="YBR_FULL_422" if kind == "jpeg" else "YBR_ICT",
            **described(rgb, 8, PlanarConfiguration=0),
        )
        if kind == "jpeg":
            return reframed(dataset, JPEGBaseline8Bit, jpeg_of(rgb, 75, "422"))
        frame = imagecodecs.jpeg2k_encode(rgb, level=40, reversible=False, mct=True)
        return reframed(dataset, JPEG2000, frame)
    stored = {"RGB": rgb, "YBR_FULL": ycc, "RGB-16": rgb.astype(np.uint16) * 257}[kind]
    attributes = described(stored, 8 * stored.itemsize, PlanarConfiguration=0)
    return saved(make(photometric=kind.removesuffix("-16"), **attributes))


def palette(make: Make, rgb: NDArray[np.uint8]) -> FileDataset:
    indices, entries = indexed(rgb)
    dataset = make(photometric="PALETTE COLOR", **described(indices, 8))
    for channel, name in enumerate(("Red", "Green", "Blue")):
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 8])
        data = entries[:, channel].tobytes()
        setattr(dataset, f"{name}PaletteColorLookupTableData", data)
    return dataset


@pytest.mark.parametrize("kind", ["RGB", "RGB-16", "YBR_FULL", "jpeg", "jpeg-2000", "palette"])
def test_dicom_is_flagged_where_it_shows_color(make: Make, kind: str) -> None:
    """Gray in three channels has no flag in DICOM, and a small stamp has."""
    assert "color" not in decode(dicom(make, kind, GRAY)).source.flags
    assert "color" in decode(dicom(make, kind, STAMPED)).source.flags


def test_an_array_is_flagged_where_it_shows_color() -> None:
    """The same holds for pixels in memory."""
    assert "color" not in gray_image(GRAY, SPEC).source.flags
    assert "color" in gray_image(STAMPED, SPEC).source.flags


def test_noise_that_differs_between_channels_is_not_color() -> None:
    """Channels that are a few levels apart, as noise makes them, are gray."""
    noise = np.random.default_rng(1).integers(-4, 5, GRAY.shape)
    noisy = np.clip(GRAY.astype(int) + noise, 0, 255).astype(np.uint8)
    for data in (encoded(".png", noisy), jpeg_of(noisy, 100, "444"), jpeg_of(noisy, 30, "420")):
        assert "color" not in decode(data).source.flags


def test_the_spread_is_that_between_any_two_channels() -> None:
    """It is found wherever the pixel lies, and whichever channels differ."""
    for at in ((0, 0), (319, 399), (64, 7)):
        for channel in range(3):
            one = np.full((320, 400, 3), 100, np.uint8)
            one[(*at, channel)] = 117
            assert spread(one) == 17
    assert spread(np.array([[[90, 100, 110]]], np.uint16)) == 20
