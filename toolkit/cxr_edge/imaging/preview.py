"""Images of any format to small JPEG files, for pages that people look at."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import UnsupportedFormat
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.encode import Container, Encoding
from cxr_edge.imaging.headers.read import read_header
from cxr_edge.imaging.image import check_size
from cxr_edge.imaging.raster import decode_color
from cxr_edge.imaging.sniff import HEAD_BYTES, Format, identify

THUMBNAIL: Final = 96
"""Longer side of a thumbnail, pixels."""

VIEW: Final = 640
"""Longer side of the larger view, pixels."""

HEAT_MAP: Final = 1280
"""Longer side of a heat map, pixels: an image twice, side by side."""


@dataclass(frozen=True)
class Preview:
    """An image in two sizes, each the bytes of a JPEG file without metadata."""

    thumbnail: bytes
    """At most :data:`THUMBNAIL` pixels on its longer side."""
    view: bytes
    """At most :data:`VIEW` pixels on its longer side."""


def preview(data: bytes) -> Preview:
    """Return an image file in two sizes, gray as a scan reads it, in its own proportions.

    Parameters
    ----------
    data
        All bytes of the file.

    Raises
    ------
    ImageError
        As :func:`cxr_edge.imaging.decode.decode`.
    """
    view = fitted(decode(data).pixels, VIEW)
    return Preview(_jpeg(fitted(view, THUMBNAIL)), _jpeg(view))


def heat_map_preview(data: bytes) -> bytes:
    """Return the PNG file of a heat map as a JPEG file in color, :data:`HEAT_MAP` pixels at most.

    Parameters and errors are those of :func:`heat_map_pixels`.
    """
    return _jpeg(fitted(heat_map_pixels(data), HEAT_MAP))


def heat_map_pixels(data: bytes) -> NDArray[np.uint8]:
    """Return the picture in the PNG file of a heat map: blue, green and red, of shape (H, W, 3).

    Parameters
    ----------
    data
        All bytes of the file.

    Raises
    ------
    ImageError
        It is no PNG file, is damaged, or too large.
    """
    if identify(data[:HEAD_BYTES]) is not Format.PNG:
        raise UnsupportedFormat("expected a heat map in PNG, got another file")
    header = read_header(data, Format.PNG)
    check_size(header.width, header.height)
    return decode_color(data, header)


def fitted(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return pixels of shape (H, W, ...) made as small as a longer side allows, never larger."""
    rows, columns = pixels.shape[:2]
    scale = side / max(rows, columns)
    if scale >= 1:
        return pixels
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(pixels: NDArray[Any]) -> bytes:
    return Encoding(Container.JPEG, quality=80).encode(pixels)
