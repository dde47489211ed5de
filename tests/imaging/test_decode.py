"""File bytes to a gray image."""

import struct
import zlib
from collections.abc import Callable
from types import ModuleType

import cv2
import numpy as np
import pytest
from dicoms import TOLD
from numpy.typing import NDArray

from cxr_edge.errors import (
    ConstantImage,
    Corrupt,
    EmptyFile,
    ImageError,
    NotAnImage,
    TooLarge,
    Truncated,
    UnsupportedFormat,
)
from cxr_edge.imaging import decode as images
from cxr_edge.imaging import image as image_module
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.image import FLAGS
from cxr_edge.imaging.preprocess import preprocess
from cxr_edge.pipeline.picture_check import BLANK
from cxr_edge.pipeline.statistics_check import UNLIKE
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.input_statistics import KINDS

UNCOMPRESSED = (cv2.IMWRITE_TIFF_COMPRESSION, 1)
PHOTOMETRIC = 262


@pytest.fixture(scope="session")
def image(phantoms: ModuleType) -> NDArray[np.uint8]:
    """A phantom of 96 x 96 that uses 0 to 255."""
    pixels: NDArray[np.uint8] = phantoms.to_8_bits(phantoms.phantom(5, opacities=3, size=96))
    pixels[0, :2] = 0, 255
    return pixels


def encoded(suffix: str, pixels: NDArray[np.generic], *options: int) -> bytes:
    return cv2.imencode(suffix, pixels, options)[1].tobytes()


def bgr(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.dstack([pixels] * 3)


def bgra(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.dstack([pixels, pixels, pixels, np.full_like(pixels, 128)])


def png(width: int, height: int, color_type: int, palette: bytes = b"", rows: bytes = b"") -> bytes:
    """Return an 8-bit PNG; ``rows`` are its bytes, each row behind its filter's number."""
    header = struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0)
    body = b"\x89PNG\r\n\x1a\n"
    chunks = (b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    for kind, payload in chunks:
        checked = kind + payload
        if payload or kind == b"IEND":
            body += struct.pack(">I", len(payload)) + checked
            body += struct.pack(">I", zlib.crc32(checked))
    return body


def palette_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return the image as indices into a palette of grays in reverse."""
    palette = bytes(value for level in range(255, -1, -1) for value in [level] * 3)
    rows = b"".join(b"\0" + (255 - row).astype(np.uint8).tobytes() for row in pixels)
    return png(*pixels.shape[::-1], 3, palette, rows)


def tiff(pixels: NDArray[np.generic], photometric: int = 1) -> bytes:
    """Return an uncompressed TIFF; ``photometric`` 0 stores black as the largest value."""
    data = encoded(".tiff", pixels, *UNCOMPRESSED)
    head = struct.pack("<HHI", PHOTOMETRIC, 3, 1)
    assert data.count(head + b"\1\0") == 1
    return data.replace(head + b"\1\0", head + struct.pack("<H", photometric))


def pages(pixels: NDArray[np.generic]) -> bytes:
    """Return a TIFF of two pages, the second a negative."""
    return cv2.imencodemulti(".tiff", [pixels, 255 - pixels])[1].tobytes()


@pytest.mark.parametrize(
    ("write", "tolerance"),
    [
        (lambda image: encoded(".png", image), 0),
        (lambda image: encoded(".png", bgr(image)), 0),
        (lambda image: encoded(".png", np.dstack([bgr(image), np.full_like(image, 255)])), 0),
        (palette_png, 0),
        (lambda image: encoded(".tiff", image), 0),
        (lambda image: encoded(".tiff", bgr(image)), 0),
        (tiff, 0),
        (pages, 0),
        (lambda image: encoded(".bmp", image), 0),
        (lambda image: encoded(".bmp", bgr(image)), 0),
        (lambda image: encoded(".bmp", np.dstack([bgr(image), np.full_like(image, 255)])), 1),
        (lambda image: encoded(".jpg", image, cv2.IMWRITE_JPEG_QUALITY, 100), 2),
        (lambda image: encoded(".jpg", bgr(image), cv2.IMWRITE_JPEG_QUALITY, 100), 3),
    ],
    ids=[
        "png", "png-rgb", "png-rgba", "png-palette", "tiff", "tiff-rgb", "tiff-raw", "tiff-pages",
        "bmp", "bmp-rgb", "bmp-rgba", "jpeg", "jpeg-rgb",
    ],
)  # fmt: skip
def test_one_image_is_the_same_in_every_format(
    image: NDArray[np.uint8], write: Callable[[NDArray[np.uint8]], bytes], tolerance: int
) -> None:
    """How an image was stored does not change what the model sees."""
    decoded = decode(write(image))
    difference = decoded.pixels.astype(int) - image
    assert np.abs(difference).max() <= tolerance
    assert (decoded.source.height, decoded.source.width) == image.shape


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".bmp"])
def test_color_becomes_luma(suffix: str) -> None:
    """Red, green and blue weigh as in BT.601, in every format alike."""
    stripes = np.zeros((30, 30, 3), np.uint8)
    for channel in range(3):
        stripes[:, channel * 10 : channel * 10 + 10, channel] = 255
    blue, green, red = decode(encoded(suffix, stripes)).pixels[15, [5, 15, 25]].tolist()
    assert [red, green, blue] == pytest.approx([0.299 * 255, 0.587 * 255, 0.114 * 255], abs=1)


@pytest.mark.parametrize("peak", [255, 254, 60, 1])
@pytest.mark.parametrize("scale", [1, 257])
@pytest.mark.parametrize("write", [lambda image: encoded(".png", image), tiff], ids=["png", "tiff"])
def test_a_16_bit_copy_gives_the_image_back(
    image: NDArray[np.uint8],
    write: Callable[[NDArray[np.generic]], bytes],
    scale: int,
    peak: int,
) -> None:
    """Stored in wider samples or multiplied by 257, an image of any exposure stays what it was."""
    exposed = np.rint(image * (peak / 255)).astype(np.uint8)
    wide = decode(write(exposed.astype(np.uint16) * scale))
    np.testing.assert_array_equal(wide.pixels, decode(write(exposed)).pixels)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("photometric", [0, 1])
def test_deep_images_fill_the_scale(image: NDArray[np.uint8], bits: int, photometric: int) -> None:
    """The largest value that the bits in use can hold is white."""
    largest = (1 << bits) - 1
    samples = np.rint(image * (largest / 255)).astype(np.uint16)
    samples[0, 2:5] = 1, largest // 3, largest - 1
    stored = samples if photometric else largest - samples
    decoded = decode(tiff(stored, photometric))
    np.testing.assert_array_equal(decoded.pixels, np.rint(samples * (255 / largest)))
    assert ("fewer-bits" in decoded.source.flags) == (bits < 16)


@pytest.mark.parametrize("scale", [1, 257])
def test_white_is_zero_is_a_negative(image: NDArray[np.uint8], scale: int) -> None:
    """At 8 bits and at 16 a TIFF of either polarity shows dense tissue bright."""
    samples = image * np.array(scale, np.uint8 if scale == 1 else np.uint16)
    positive = decode(tiff(samples))
    np.testing.assert_array_equal(positive.pixels, image)
    np.testing.assert_array_equal(decode(tiff(samples, 0)).pixels, 255 - image)


@pytest.mark.parametrize(
    "data",
    [
        *[encoded(".tiff", np.eye(9, dtype=kind)) for kind in (np.float32, np.float64, np.int16)],
        encoded(".gif", bgr(np.eye(32, dtype=np.uint8))),
        encoded(".webp", np.eye(9, dtype=np.uint8)),
        encoded(".jp2", bgr(np.eye(32, dtype=np.uint8))),
        b"II+\x00\x08\x00\x00\x00" + bytes(200),
        b"\x00\x00\x00\x18ftypheic" + bytes(200),
    ],
    ids=["float32", "float64", "int16", "gif", "webp", "jp2", "bigtiff", "heif"],
)
def test_images_that_are_not_read_here_say_so(data: bytes) -> None:
    """An image of another kind is no damage: the message says what to convert it to."""
    with pytest.raises(UnsupportedFormat, match="convert it to"):
        decode(data)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", EmptyFile),
        (b"This is a text file that somebody named .png.\n", NotAnImage),
        (bytes(1000), NotAnImage),
        (b"\x89PNG\r\n\x1a\n", Truncated),
        (b"\xff\xd8\xff", Truncated),
        (b"II*\x00\x08\x00\x00\x00", Truncated),
        (encoded(".png", np.full((9, 9), 7, np.uint8)), ConstantImage),
        (encoded(".jpg", np.zeros((9, 9), np.uint8)), ConstantImage),
        (encoded(".tiff", np.full((9, 9), 65535, np.uint16)), ConstantImage),
        (png(9, 9, 0, rows=bytes(20)), Corrupt),  # 20 of 90 bytes
    ],
)
def test_what_is_no_image_has_its_reason(data: bytes, error: type[ImageError]) -> None:
    """Empty, foreign, cut, damaged and blank files are told apart."""
    with pytest.raises(error):
        decode(data)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("bit", [0, 7])
def test_a_flipped_bit_in_a_png_is_corrupt(
    image: NDArray[np.uint8], share: float, bit: int
) -> None:
    """A file that is damaged within its pixels gives no pixels."""
    data = bytearray(encoded(".png", image))
    data[int(len(data) * share)] ^= 1 << bit
    with pytest.raises(Corrupt):
        decode(bytes(data))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff", ".bmp"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_cut_file_gives_no_pixels(image: NDArray[np.uint8], suffix: str, channels: int) -> None:
    """Half an image is never classified."""
    data = encoded(suffix, {1: image, 3: bgr(image), 4: bgra(image)}[channels])
    for cut in (len(data) - 1, len(data) - 20, len(data) // 2, 40):
        with pytest.raises((Truncated, Corrupt)):
            decode(data[:cut])


SOF = b"\xff\xc0\x00\x0b\x08\xea\x60\xea\x60\x01\x01\x11\x00"
SOS = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"


@pytest.mark.parametrize(
    "data",
    [
        png(60000, 60000, 0, rows=bytes(100)),
        b"\xff\xd8" + SOF + SOS + bytes(100) + b"\xff\xd9",
        encoded(".tiff", np.eye(9, dtype=np.uint8), *UNCOMPRESSED)
        .replace(struct.pack("<HHII", 256, 3, 1, 9), struct.pack("<HHII", 256, 4, 1, 1 << 30)),
    ],
    ids=["png", "jpeg", "tiff"],
)  # fmt: skip
def test_too_many_pixels_are_refused_before_decoding(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small file that promises a huge image costs no memory."""
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(TooLarge, match=r"60000 x 60000|1073741824 x 9"):
        decode(data)


def test_the_limits_are_part_of_what_is_allowed(
    image: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image of exactly the limit is read, one byte or pixel more is not."""
    data = encoded(".png", image)
    monkeypatch.setattr(images, "MAX_BYTES", len(data))
    monkeypatch.setattr(image_module, "MAX_PIXELS", image.size)
    assert decode(data).pixels.shape == image.shape
    for module, limit in ((images, "MAX_BYTES"), (image_module, "MAX_PIXELS")):
        with monkeypatch.context() as lowered:
            lowered.setattr(module, limit, getattr(module, limit) - 1)
            with pytest.raises(TooLarge):
                decode(data)


RAMP = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)
_WHOLE = encoded(".jpg", np.kron(RAMP, np.ones((4, 4), np.uint8)))
FLAGGED = [
    (encoded(".png", RAMP), ()),
    (encoded(".jpg", bgr(RAMP)), ()),
    (encoded(".jpg", np.dstack([RAMP, RAMP[::-1], RAMP])), ("color",)),
    (palette_png(RAMP), ()),
    (encoded(".png", RAMP.astype(np.uint16) << 4), ("fewer-bits",)),
    (encoded(".png", RAMP.astype(np.uint16) * 655), ()),
    (pages(RAMP), ("multi-frame",)),
    (encoded(".tiff", bgr(RAMP.astype(np.uint16))), ("fewer-bits",)),
    (encoded(".png", RAMP // 4), ("low-contrast",)),
    (_WHOLE[: len(_WHOLE) * 2 // 3] + _WHOLE[-2:], ("damaged",)),
    (encoded(".png", bgra(RAMP)), ("low-contrast", "transparent")),
]


@pytest.mark.parametrize(("data", "flags"), FLAGGED)
def test_flags_warn_of_what_may_mislead(data: bytes, flags: tuple[str, ...]) -> None:
    """Each oddity of a file stands in the report, sorted, and nothing else does."""
    assert decode(data).source.flags == flags


def test_every_flag_can_occur() -> None:
    """Files, DICOM headers and the input checks give all the flags of the closed list."""
    by_file = {flag for _, flags in FLAGGED for flag in flags}
    by_header = {flag for _, flag in TOLD}
    elsewhere = {"ignored-window", "misdescribed", "small", "stretched", "tiny"}
    elsewhere |= {*KINDS, UNLIKE, BLANK}
    assert by_file | by_header | elsewhere == set(FLAGS)


@pytest.mark.parametrize(
    ("height", "width", "reduced"),
    [(1024, 1024, 8), (1023, 1024, 4), (640, 520, 4), (511, 700, 2), (300, 256, 2), (255, 900, 1)],
)
def test_a_large_jpeg_is_decoded_smaller(
    phantoms: ModuleType, height: int, width: int, reduced: int
) -> None:
    """Both sides stay at least twice the model's, the facts are of the file, and the model sees
    the same image to within 2 gray levels."""
    large = phantoms.to_8_bits(phantoms.phantom(3, opacities=4, size=1024))
    data = encoded(".jpg", cv2.resize(large, (width, height)), cv2.IMWRITE_JPEG_QUALITY, 95)
    spec = InputSpec(64, 64)
    small = decode(data, spec)
    full = decode(data)
    assert full.pixels.shape == (height, width)
    assert small.pixels.shape == (-(-height // reduced), -(-width // reduced))
    assert min(small.pixels.shape) >= 128
    assert (small.source.height, small.source.width) == (height, width)
    difference = preprocess(small, spec).astype(int) - preprocess(full, spec)
    assert np.abs(difference).mean() < 2


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".bmp"])
def test_only_jpeg_is_decoded_smaller(image: NDArray[np.uint8], suffix: str) -> None:
    """Where reduction is no part of the format, the model's size changes no pixel."""
    data = encoded(suffix, image)
    np.testing.assert_array_equal(decode(data, InputSpec(8, 8)).pixels, decode(data).pixels)
