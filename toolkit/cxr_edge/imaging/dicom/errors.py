"""The errors that libraries raise for damaged DICOM files."""

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
"""Errors of pydicom, its decoders, numpy and OpenCV for damaged files. Their text may hold bytes of
the header, so messages name only the class."""
