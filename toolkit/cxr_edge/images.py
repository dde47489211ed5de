"""File bytes to :class:`GrayImage`: the only importer of OpenCV's decoders."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import (
    ConstantImage,
    Corrupt,
    EmptyFile,
    NotAnImage,
    TooLarge,
    UnsupportedFormat,
)
from cxr_edge.formats import HEAD_BYTES, Format, Header, identify, read_header, without_texts
from cxr_edge.recipe import CXR_1

cv2.setNumThreads(1)  # films are decoded side by side, each by one thread
# What it finds odd in a file is told in the report, not on standard error.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

FLAGS: Final[tuple[str, ...]] = (
    "burned-in",
    "color",
    "fewer-bits",
    "lateral",
    "lossy",
    "multi-frame",
    "other-body-part",
    "other-modality",
    "small",
    "stretched",
)
"""The closed list of warnings in the report's ``flags`` column.

``color``: stored with colour, read as luma. ``fewer-bits``: 16-bit samples that use at most
14 bits, windowed to those. ``multi-frame``: more than one page or frame, the first was read.
``small``: a side is shorter than the model's input and was enlarged. ``stretched``: one side
is more than twice the other, and stretching to the model's input distorts it.

By DICOM's header alone: ``burned-in``: text may be burned into the pixels. ``lateral``: a
lateral view. ``lossy``: compressed with loss. ``other-body-part``: not of the chest.
``other-modality``: neither CR, DX nor RG.
"""

MAX_PIXELS: Final = 1 << 28
"""Images of more pixels (268 million) are refused before they are decoded."""

MAX_BYTES: Final = 1 << 29
"""Files of more bytes (512 MiB) are refused before they are read."""

_DEPTHS: Final = (8, 10, 12, 14, 16)
_STRETCH: Final = 2.0


@dataclass(frozen=True)
class SourceFacts:
    """What the report says of the file that an image came from."""

    width: int
    """Columns as stored."""
    height: int
    """Rows as stored."""
    format: str
    """Name of the format."""
    flags: tuple[str, ...] = ()
    """Some of :data:`FLAGS`, sorted."""


@dataclass(frozen=True)
class GrayImage:
    """A decoded film: 0 is black, 255 is white, dense tissue is bright."""

    pixels: NDArray[np.uint8]
    """Shape (rows, columns); may be smaller than the source by 2, 4 or 8."""
    source: SourceFacts
    """What it was decoded from."""

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 2:
            raise ValueError(
                "GrayImage: expected uint8 of shape (rows, columns), "
                f"came {self.pixels.dtype} of shape {self.pixels.shape}"
            )


def decode(data: bytes, target: tuple[int, int] | None = None) -> GrayImage:
    """Decode an image file to 8-bit gray, by recipe ``cxr-1``.

    Parameters
    ----------
    data
        All bytes of the file.
    target
        (height, width) of the model's input. Given it, JPEG is decoded at reduced scale where
        both sides stay at least twice as long, and small or odd shapes are flagged.

    Raises
    ------
    ImageError
        One subclass for each ``reason`` in the report.
    """
    if not data:
        raise EmptyFile("the file has no bytes; copy it again")
    if len(data) > MAX_BYTES:
        raise TooLarge(f"expected at most {MAX_BYTES} bytes, came {len(data)}")
    kind = identify(data[:HEAD_BYTES])
    if kind is None:
        raise NotAnImage("expected a JPEG, PNG, TIFF, BMP or DICOM file, came something else")
    if kind is Format.DICOM:
        from cxr_edge.dicom import decode_dicom  # pydicom is loaded for DICOM alone

        pixels, facts = decode_dicom(data, np.uint8)
    elif kind in (Format.JPEG, Format.PNG, Format.TIFF, Format.BMP):
        header = read_header(data, kind)
        check_size(header.width, header.height)
        pixels, flags = _decode_raster(data, header, target)
        facts = SourceFacts(header.width, header.height, kind, flags)
    else:
        raise UnsupportedFormat(
            f"expected a JPEG, PNG, TIFF, BMP or DICOM file, came {kind}; convert it to PNG"
        )
    if pixels.min() == pixels.max():
        raise ConstantImage(f"every pixel is {pixels.min()}; there is nothing to classify")
    if target is not None:
        facts = _with_shape_flags(facts, target)
    return GrayImage(pixels, facts)


def decode_deep(data: bytes) -> tuple[GrayImage, NDArray[np.uint16]]:
    """Decode an image file to 8 bits as :func:`decode` does, and to 16 bits that are read as those.

    Where the source has more than 8 bits, so have the 16: each sample lies within half a gray level
    of 257 times the 8-bit one. Only a film darker than a quarter of the range is widened from 8
    bits, since :func:`to_8_bits` would take finer samples for fewer bits.

    Raises
    ------
    ImageError
        As :func:`decode`.
    """
    image = decode(data)
    kind = identify(data[:HEAD_BYTES])
    if kind is Format.DICOM:
        from cxr_edge.dicom import decode_dicom

        deep, _ = decode_dicom(data, np.uint16)
    else:
        assert kind is not None
        deep = _deep_raster(data, read_header(data, kind))
    widened = image.pixels.astype(np.int32) * 257
    near = np.clip(deep, widened - 128, widened + 128)  # a half may have been rounded otherwise
    fine = near.max() >= 1 << _DEPTHS[-2]
    return image, (near if fine else widened).astype(np.uint16)


def check_size(width: int, height: int, frames: int = 1) -> None:
    """Refuse an image whose header promises too many pixels, over all its frames.

    Raises
    ------
    TooLarge
        More than :data:`MAX_PIXELS`.
    """
    if width * height * frames > MAX_PIXELS:
        size = f"{width} x {height}" if frames == 1 else f"{frames} frames of {width} x {height}"
        raise TooLarge(f"expected at most {MAX_PIXELS} pixels, came {size}; make it smaller first")


def to_8_bits(values: NDArray[np.uint16]) -> tuple[NDArray[np.uint8], int]:
    """Window 16-bit samples to 8 bits by the rule of recipe ``cxr-1``.

    Where all samples are multiples of 257, an 8-bit film was widened to 16 bits, and comes
    back. Else the depth is the least of 8, 10, 12, 14 and 16 bits that holds the largest
    sample; 0 stays 0 and the largest value of that depth becomes 255. So a 12-bit film saved
    without scaling does not turn black.

    Returns
    -------
    tuple
        The pixels, uint8, same shape; and the depth in bits.
    """
    narrow = values // 257
    if np.array_equal(narrow * 257, values):
        return narrow.astype(np.uint8), 16
    depth = depth_of(int(values.max()))
    table = np.rint(np.arange(1 << depth) * (255 / ((1 << depth) - 1))).astype(np.uint8)
    return table[values], depth


def depth_of(peak: int) -> int:
    """Return the least of 8, 10, 12, 14 and 16 bits that holds the largest sample."""
    return next(bits for bits in _DEPTHS if peak < 1 << bits)


def _decode_raster(
    data: bytes, header: Header, target: tuple[int, int] | None
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
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
            f"expected samples of 8 or 16 bits, came {decoded.dtype}; convert it to 16-bit PNG"
        )
    return decoded.astype(np.uint8, copy=False), tuple(flags)


def _deep_raster(data: bytes, header: Header) -> NDArray[np.uint16]:
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


def _with_shape_flags(facts: SourceFacts, target: tuple[int, int]) -> SourceFacts:
    flags = set(facts.flags)
    if facts.height < target[0] or facts.width < target[1]:
        flags.add("small")
    if max(facts.height, facts.width) > _STRETCH * min(facts.height, facts.width):
        flags.add("stretched")
    return SourceFacts(facts.width, facts.height, facts.format, tuple(sorted(flags)))
