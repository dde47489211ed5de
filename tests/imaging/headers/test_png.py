"""The header and chunks of a PNG file."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from rasters import IMAGE, WHOLE

from cxr_edge.imaging.headers.png import png_header, samples_alone

PNG = WHOLE["png"][1]


def with_chunk(kind: bytes, payload: bytes) -> bytes:
    """Return the image with one more chunk before its pixels."""
    checked = kind + payload
    chunk = struct.pack(">I", len(payload)) + checked + struct.pack(">I", zlib.crc32(checked))
    at = PNG.index(b"IDAT") - 4
    return PNG[:at] + chunk + PNG[at:]


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"gAMA", b"sRGB"])
def test_texts_are_taken_out(kind: bytes) -> None:
    """A decoder that quotes what it finds odd never sees them; the image is the same."""
    data = with_chunk(kind, b"Patient\0Doe")
    assert samples_alone(data) == PNG
    assert png_header(data) == png_header(PNG)


def test_other_chunks_stay() -> None:
    """A file without texts keeps its bytes, and its pixels are what was written."""
    data = with_chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1))
    assert samples_alone(data) == data
    decoded = cv2.imdecode(np.frombuffer(samples_alone(PNG), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded, IMAGE)
