"""Compressed frames to stored values, by imagecodecs."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import Corrupt
from cxr_edge.imaging.dicom.codestream import Codestream, Coding

_AS_STORED: Final[Mapping[int, str]] = {1: "GRAYSCALE", 3: "YCBCR"}
"""Colors for libjpeg by samples per pixel; the same before and after mean that none is changed."""


def decode_frame(frame: bytes, found: Codestream) -> NDArray[Any]:
    """Decode a frame, without a change of color.

    Parameters
    ----------
    frame
        All bytes of the frame.
    found
        Facts that the frame tells about itself.

    Returns
    -------
    ndarray
        Stored values, shape (rows, columns) or (rows, columns, 3), of the narrowest integer type
        that holds the bits of the frame.

    Raises
    ------
    Corrupt
        The values are not of the size or the type that the frame tells.
    RuntimeError
        The frame cannot be decoded.
    """
    stored = _DECODERS[found.coding](frame, found)
    shape = found.size if found.size[2] > 1 else found.size[:2]
    sign = "i" if found.signed else "u"
    width = 1 if found.bits <= 8 else 2 if found.bits <= 16 else 4
    if stored.shape != shape or stored.dtype != np.dtype(f"{sign}{width}"):
        raise Corrupt(
            f"the compressed frame promises {shape} samples of {found.bits} bits, "
            f"its decoder gives {stored.shape} of {stored.dtype}"
        )
    return stored


def _jpeg(frame: bytes, found: Codestream) -> NDArray[Any]:
    color = _AS_STORED[found.size[2]]
    return imagecodecs.jpeg8_decode(frame, colorspace=color, outcolorspace=color)


def _jpeg_ls(frame: bytes, _: Codestream) -> NDArray[Any]:
    return imagecodecs.jpegls_decode(frame)


def _jpeg_2000(frame: bytes, _: Codestream) -> NDArray[Any]:
    return imagecodecs.jpeg2k_decode(frame)


_DECODERS: Final[Mapping[Coding, Callable[[bytes, Codestream], NDArray[Any]]]] = {
    Coding.JPEG: _jpeg,  # libjpeg-turbo: baseline, extended, progressive and lossless
    Coding.JPEG_LS: _jpeg_ls,  # CharLS
    Coding.JPEG_2000: _jpeg_2000,  # OpenJPEG, High-Throughput JPEG 2000 too
}
