"""The frame of a JPEG: size, samples, and what its markers say about their color."""

import struct
from dataclasses import dataclass
from typing import Final, Literal

from cxr_edge.imaging.headers.jpeg import (
    JPEG_LS_MARKER,
    SOF_MARKERS,
    adobe_transform,
    jpeg_segments,
)

DCT: Final = (0xC0, 0xC1, 0xC2)
"""Markers of frames in which color is transformed: baseline, extended and progressive."""

_APP0: Final = 0xE0
_JFIF: Final = b"JFIF"
_RGB_NAMES: Final = b"RGB"  # of components, by libjpeg

_YCBCR: Final = 1

_Color = Literal["RGB", "YBR_FULL"]


@dataclass(frozen=True)
class JpegFrame:
    """Facts of a JPEG or JPEG-LS frame header and the markers before it."""

    marker: int
    """Marker of the frame header."""
    rows: int
    """Rows."""
    columns: int
    """Columns."""
    bits: int
    """Bits per sample."""
    factors: tuple[tuple[int, int], ...]
    """Horizontal and vertical sampling factor of each component."""
    color: _Color | None
    """Color of the samples where the file tells, whatever was done to them before."""
    adobe: int | None
    """Transform of colors in an Adobe marker: 0 none, 1 YCbCr, 2 YCCK; None without a marker."""

    @property
    def samples(self) -> int:
        """Samples per pixel."""
        return len(self.factors)


def jpeg_frame(data: bytes | memoryview) -> JpegFrame:
    """Read a frame header (ISO/IEC 10918-1, B.2.2; ISO/IEC 14495-1, C.2.2).

    Raises
    ------
    Corrupt
        There is no marker where one must be, or a segment has no room for its length.
    struct.error, IndexError
        The data ends before the frame header does.
    """
    color: _Color | None = None
    adobe: int | None = None
    for marker, start, end in jpeg_segments(data):
        if marker == _APP0 and data[start : start + 4] == _JFIF:
            color = "YBR_FULL"
        if (transform := adobe_transform(data, marker, start, end)) is not None:
            adobe = transform
            color = "YBR_FULL" if adobe == _YCBCR else "RGB"
        if marker in SOF_MARKERS or marker == JPEG_LS_MARKER:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", data, start)
            components = [data[start + 6 + 3 * index :][:2] for index in range(samples)]
            if b"".join(component[:1] for component in components) == _RGB_NAMES:
                color = "RGB"
            factors = tuple(divmod(component[1], 16) for component in components)
            if len(set(factors)) > 1:
                color = "YBR_FULL"  # only color that is apart from luma is stored at another size
            if marker not in DCT:
                color = None
            return JpegFrame(marker, rows, columns, bits, factors, color, adobe)
    raise IndexError
