"""What goes wrong in damaged files, told without a word of them."""

import struct
import zlib
from typing import Final

import cv2
from pydicom.errors import BytesLengthException

DAMAGE: Final = (
    BytesLengthException,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    cv2.error,
)
"""What pydicom, its decoders, numpy and OpenCV raise for damaged files."""
