"""JPEG, PNG, TIFF and BMP to gray samples: the only importer of OpenCV's decoders."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import Corrupt, UnsupportedFormat
from cxr_edge.imaging.bit_depth import depth_of
from cxr_edge.imaging.color import COLOR, is_colored, spread
from cxr_edge.imaging.headers.header import Header
from cxr_edge.imaging.headers.jpeg import jpeg_orientation, without_stray_bytes
from cxr_edge.imaging.image import larger_than_memory
from cxr_edge.imaging.jpeg import DAMAGED, decode_gray
from cxr_edge.imaging.rules import DEEP, GRAY
from cxr_edge.imaging.sniff import Format
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.recipe import Recipe

_REDUCTIONS: Final = (8, 4, 2)
_TURNS: Final[Mapping[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.T,
    6: lambda pixels: pixels[::-1].T,
    7: lambda pixels: pixels[::-1, ::-1].T,
    8: lambda pixels: pixels.T[::-1],
}
"""Turns that make an image upright, by EXIF's orientation (CIPA DC-008, 4.6.5)."""
_WITH_ALPHA: Final = 4
"""Channels of a colour image with transparency; the last one is that."""

cv2.setNumThreads(1)  # images are decoded side by side, each by one thread
# What OpenCV finds odd in a file is in the report, not on standard error.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def decode_raster(
    data: bytes, header: Header, recipe: Recipe, reduction: int = 1
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Decode a raster file to 8-bit gray.

    Parameters
    ----------
    data
        All bytes of the file.
    header
        Header of the file.
    recipe
        Rules for gray and for more than 8 bits.
    reduction
        1, or for JPEG 2, 4 or 8: the image is decoded at 1/n of its size.

    Returns
    -------
    tuple
        Pixels of shape (rows, columns), and flags of the report.

    Raises
    ------
    ImageError
        ``corrupt``, ``too-large`` or ``unsupported-format``.
    """
    decoded, flags = _read(data, header, recipe, reduction)
    if header.pages > 1:
        flags.append("multi-frame")
    if decoded.dtype == np.uint16:
        pixels, depth = DEEP[recipe.deep](decoded)
        if header.white_is_zero:  # OpenCV inverts it in 8 bits only
            pixels = 255 - pixels
        if depth < header.bits:
            flags.append("fewer-bits")
        return pixels, tuple(sorted(flags))
    if decoded.dtype != np.uint8:
        raise UnsupportedFormat(
            f"expected samples of 8 or 16 bits, got {decoded.dtype}; convert it to 16-bit PNG"
        )
    return decoded, tuple(sorted(flags))


def decode_deep_raster(data: bytes, header: Header, recipe: Recipe) -> NDArray[np.uint16]:
    """Return 16-bit samples scaled to their full range, others as they are times 257."""
    decoded, _ = _read(data, header, recipe)
    if decoded.dtype != np.uint16:
        return decoded.astype(np.uint16) * 257
    _, depth = DEEP[recipe.deep](decoded)
    table = np.rint(np.arange(1 << depth) * (65535 / ((1 << depth) - 1))).astype(np.uint16)
    if header.white_is_zero:
        table = 65535 - table
    deep: NDArray[np.uint16] = table[decoded]
    return deep


def decode_color(data: bytes, header: Header) -> NDArray[np.uint8]:
    """Return the pixels of a raster file in color, 8 bits of shape (rows, columns, 3), BGR.

    Raises
    ------
    Corrupt
        It cannot be decoded.
    """
    decoded: NDArray[np.uint8] = _imdecode(data, header, cv2.IMREAD_COLOR)
    return decoded


def jpeg_reduction(header: Header, spec: InputSpec) -> int:
    """Return the largest n of 8, 4, 2 and 1 so that a JPEG at 1/n is still large enough."""
    least = spec.preprocessing.reduced_jpeg
    height, width = least * spec.height, least * spec.width
    return next(
        (n for n in _REDUCTIONS if header.height // n >= height and header.width // n >= width), 1
    )


def _read(
    data: bytes, header: Header, recipe: Recipe, reduction: int = 1
) -> tuple[NDArray[Any], list[str]]:
    """Return samples of shape (rows, columns) over black, and flags of the report."""
    mode = GRAY[recipe.gray].imread[reduction]
    if header.format is Format.JPEG:
        return _read_jpeg(without_stray_bytes(data), header, mode, reduction)
    mode |= cv2.IMREAD_ANYDEPTH
    if header.format is Format.PNG:
        from cxr_edge.imaging.headers.png import samples_alone

        data = samples_alone(data)
    flags = []
    if header.format is Format.TIFF:
        from cxr_edge.imaging.headers.tiff import with_image_first
        from cxr_edge.imaging.tiff_blocks import check_blocks  # imagecodecs is loaded for it alone

        flags = [DAMAGED] if check_blocks(data) else []
        data = with_image_first(data)
    decoded, is_color = _gray(data, header, mode)
    if is_color:
        flags.append(COLOR)
    decoded, is_transparent = _over_black(data, header, mode, decoded)
    return decoded, [*flags, "transparent"] if is_transparent else flags


def _gray(data: bytes, header: Header, mode: int) -> tuple[NDArray[Any], bool]:
    """Return samples of shape (rows, columns), and whether any pixel shows color."""
    is_color = False
    if header.color:
        try:
            channels = _imdecode(data, header, mode | cv2.IMREAD_COLOR)
        except Corrupt:  # luma may be read alone
            return _imdecode(data, header, mode), True
        difference = spread(channels)
        if not difference:  # then each channel is the gray: no second decoding
            return cv2.extractChannel(channels, 0), False
        bits = depth_of(int(channels.max())) if channels.dtype == np.uint16 else 8
        is_color = is_colored(difference, bits)
    return _imdecode(data, header, mode), is_color


def _over_black(
    data: bytes, header: Header, mode: int, decoded: NDArray[Any]
) -> tuple[NDArray[Any], bool]:
    """Return decoded samples of shape (rows, columns) over black, and if any is transparent."""
    if header.transparent_gray is not None:
        is_hidden = decoded == _as_decoded(header.transparent_gray, header.bits)
        return np.where(is_hidden, decoded.dtype.type(0), decoded), bool(is_hidden.any())
    if not header.has_alpha:
        return decoded, False
    channels = _imdecode(data, header, cv2.IMREAD_UNCHANGED)
    if channels.ndim < 3 or channels.shape[2] < _WITH_ALPHA:
        return decoded, False
    alpha = channels[..., _WITH_ALPHA - 1]
    opaque = np.iinfo(alpha.dtype).max
    is_unused = header.format is Format.BMP and not alpha.any()  # some writers leave it empty
    if alpha.min() == opaque or is_unused:
        return decoded, False
    if header.format is Format.TIFF and alpha.dtype == np.uint8:
        return decoded, True  # OpenCV has multiplied the colors with it
    if not np.array_equal(decoded, _imdecode(data, header, mode | cv2.IMREAD_IGNORE_ORIENTATION)):
        raise UnsupportedFormat(
            "expected an image that is opaque or upright, got a transparent one that must be "
            "turned; turn it first"
        )
    over_black = np.rint(decoded * (alpha / opaque)).astype(decoded.dtype)
    return over_black, True


def _read_jpeg(
    data: bytes, header: Header, mode: int, reduction: int
) -> tuple[NDArray[np.uint8], list[str]]:
    decoded = decode_gray(data, header, reduction)
    if decoded is None:
        pixels, is_color = _gray(data, header, mode)
        return pixels, [COLOR] if is_color else []
    turned = _TURNS[jpeg_orientation(data)](decoded.pixels)
    flags = {DAMAGED: decoded.damaged, COLOR: is_colored(decoded.difference, header.bits)}
    return np.ascontiguousarray(turned), [flag for flag, holds in flags.items() if holds]


def _as_decoded(sample: int, bits: int) -> int:
    """Return a gray sample of a PNG as it is decoded: fewer than 8 bits are widened to those."""
    return sample * 255 // ((1 << bits) - 1) if bits < 8 else sample


def _imdecode(data: bytes, header: Header, mode: int) -> NDArray[Any]:
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error as exc:
        if exc.code == cv2.Error.STS_NO_MEM:
            raise larger_than_memory() from exc
        raise Corrupt(f"the {header.format} file cannot be decoded: {exc.err}") from exc
    if decoded is None:
        raise Corrupt(f"the {header.format} file cannot be decoded; it is damaged")
    return decoded
