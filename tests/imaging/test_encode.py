"""Gray images to image files, of 8 and of 16 bits."""

import contextlib
from io import BytesIO
from types import ModuleType

import cv2
import numpy as np
import pytest
from fakes import SAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cxr_edge.errors import ConstantImage, TooLarge
from cxr_edge.imaging.decode import decode, decode_deep
from cxr_edge.imaging.encode import JPEG_SIDE, Container, Encoding


def dicom(phantoms: ModuleType, image: NDArray[np.uint16], **attributes: float) -> bytes:
    dataset = phantoms.dicom(image, "MONOCHROME1", 1)
    for name, value in attributes.items():
        setattr(dataset, name, value)
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def agree(data: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Return 8 and 16 bits of an image, once the 16 are read as the 8."""
    decoded, deep = decode_deep(data)
    for container in (Container.PNG, Container.TIFF):
        again = decode(Encoding(container, 16).encode(deep))
        np.testing.assert_array_equal(again.pixels, decoded.pixels)
        assert "fewer-bits" not in again.source.flags
    return decoded.pixels, deep


@pytest.mark.slow
@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    center=st.floats(-100, 5000),
    width=st.floats(2, 9000),
    dark=st.integers(0, 6),
)
def test_16_bits_are_read_as_the_8_of_a_scan(
    phantoms: ModuleType, seed: int, center: float, width: float, dark: int
) -> None:
    """Whatever the window, the polarity and the darkness: not one pixel differs."""
    image = np.random.default_rng(seed).integers(0, 65536, (16, 16)).astype(np.uint16) >> dark
    agree(dicom(phantoms, image))
    with contextlib.suppress(ConstantImage):  # the window sees nothing of it
        agree(dicom(phantoms, image, WindowCenter=center, WindowWidth=width))


def test_16_bits_keep_what_the_source_has(phantoms: ModuleType) -> None:
    """All 4096 levels of a 12-bit image stay apart, in DICOM as in PNG; 8 bits get none more."""
    image = np.arange(4096, dtype=np.uint16).reshape(64, 64) << 4
    assert len(np.unique(agree(dicom(phantoms, image))[1])) == 4096
    png = cv2.imencode(".png", image >> 4)[1].tobytes()
    assert len(np.unique(agree(png)[1])) == 4096
    gray, deep = agree((SAMPLES / "phantom-normal.jpg").read_bytes())
    np.testing.assert_array_equal(deep, gray.astype(np.uint16) * 257)


def test_a_dark_image_of_16_bits_stays_dark(phantoms: ModuleType) -> None:
    """It is not taken for one of fewer bits, which a scan would brighten."""
    image = np.zeros((16, 16), np.uint16)
    image[:8] = 3000
    gray, deep = agree(dicom(phantoms, image))
    assert 0 < gray.max() < 64
    np.testing.assert_array_equal(deep, gray.astype(np.uint16) * 257)


def test_white_is_zero_is_turned_in_16_bits_too() -> None:
    """A TIFF whose largest value is black becomes an image whose largest value is white."""
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    data = bytearray(cv2.imencode(".tiff", ramp, [cv2.IMWRITE_TIFF_COMPRESSION, 1])[1])
    at = data.index(b"\x06\x01\x03\x00\x01\x00\x00\x00\x01\x00")  # PhotometricInterpretation
    data[at + 8] = 0
    gray, deep = agree(bytes(data))
    assert (deep[0, 0], deep[-1, -1]) == (65535, 0)
    assert (gray[0, 0], gray[-1, -1]) == (255, 0)


def test_jpeg_keeps_size_and_picture() -> None:
    """Within what its quality costs; a higher one costs less."""
    gray = decode((SAMPLES / "phantom-opacities-8bit.png").read_bytes()).pixels
    errors = []
    for quality in (95, 50):
        again = decode(Encoding(Container.JPEG, quality=quality).encode(gray)).pixels
        assert again.shape == gray.shape
        errors.append(np.abs(again.astype(int) - gray).mean())
    assert errors[0] < errors[1] < 4


def test_a_side_that_no_jpeg_has_is_refused() -> None:
    """With the reason of a size, not as a crash of the encoder."""
    with pytest.raises(TooLarge, match="choose PNG"):
        Encoding(Container.JPEG).encode(np.zeros((1, JPEG_SIDE + 1), np.uint8))
