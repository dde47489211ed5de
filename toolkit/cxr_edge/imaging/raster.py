"""JPEG, PNG, TIFF and BMP to gray samples: the only importer of OpenCV's decoders."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import (
    Corrupt,
    TooLarge,
    UnsupportedFormat,
)
from cxr_edge.imaging.bit_depth import to_8_bits
from cxr_edge.imaging.headers.header import Header
from cxr_edge.imaging.headers.png import without_texts
from cxr_edge.imaging.sniff import Format
from cxr_edge.spec.recipe import CXR_1


def decode_raster(
    data: bytes, header: Header, target: tuple[int, int] | None
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Decode a raster file to 8-bit gray, shape (rows, columns), and return its flags."""
    decoded = _read_raster(data, header, target)
    flags = ["color"] if header.color else []
    if header.pages > 1:
        flags.append("multi-frame")
    if decoded.dtype == np.uint16:
        samples = decoded.astype(np.uint16, copy=False)
        pixels, depth = to_8_bits(samples)
        if header.white_is_zero:  # OpenCV inverts it in 8 bits only
            pixels = 255 - pixels
        if depth < header.bits:
            flags.append("fewer-bits")
        return pixels, tuple(flags)
    if decoded.dtype != np.uint8:
        raise UnsupportedFormat(
            f"expected samples of 8 or 16 bits, got {decoded.dtype}; convert it to 16-bit PNG"
        )
    return decoded.astype(np.uint8, copy=False), tuple(flags)


def decode_deep_raster(data: bytes, header: Header) -> NDArray[np.uint16]:
    """Return 16-bit samples scaled to their full range, others as they are times 257."""
    decoded = _read_raster(data, header)
    if decoded.dtype != np.uint16:
        return decoded.astype(np.uint16) * 257
    samples = decoded.astype(np.uint16, copy=False)
    _, depth = to_8_bits(samples)
    table = np.rint(np.arange(1 << depth) * (65535 / ((1 << depth) - 1))).astype(np.uint16)
    if header.white_is_zero:
        table = 65535 - table
    deep: NDArray[np.uint16] = table[samples]
    return deep


def _read_raster(
    data: bytes, header: Header, target: tuple[int, int] | None = None
) -> NDArray[Any]:
    """Return the samples as OpenCV reads them, shape (rows, columns)."""
    mode = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH
    if header.format is Format.JPEG:
        mode = _jpeg_mode(header, target)
    if header.format is Format.PNG:
        data = without_texts(data)
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error as exc:
        if exc.code == cv2.Error.STS_NO_MEM:
            raise TooLarge("expected an image that fits into memory") from exc
        raise Corrupt(f"the {header.format} file cannot be decoded: {exc.err}") from exc
    if decoded is None:
        raise Corrupt(f"the {header.format} file cannot be decoded; it is damaged")
    return decoded


def _jpeg_mode(header: Header, target: tuple[int, int] | None) -> int:
    """Return the coarsest decoding that keeps both sides long enough."""
    if target is not None:
        height, width = (CXR_1.reduced_jpeg * side for side in target)
        for scale, mode in (
            (8, cv2.IMREAD_REDUCED_GRAYSCALE_8),
            (4, cv2.IMREAD_REDUCED_GRAYSCALE_4),
            (2, cv2.IMREAD_REDUCED_GRAYSCALE_2),
        ):
            if header.height // scale >= height and header.width // scale >= width:
                return mode
    return cv2.IMREAD_GRAYSCALE
