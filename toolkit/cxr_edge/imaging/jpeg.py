"""JPEG to gray samples, with word of damage: the only importer of simplejpeg."""

import math
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from cxr_edge.imaging.color import spread
from cxr_edge.imaging.headers.header import Header
from cxr_edge.imaging.headers.jpeg import SOF_MARKERS, jpeg_segments
from cxr_edge.imaging.image import larger_than_memory

DAMAGED: Final = "damaged"
"""Flag of an image whose decoder went on past damage."""

_SCALABLE: Final = (0xC0, 0xC1, 0xC2)
"""Markers of frames that can be decoded at reduced scale: not those without loss."""
_BITS: Final = b"\x08"


@dataclass(frozen=True)
class GrayJpeg:
    """The gray of a JPEG."""

    pixels: NDArray[np.uint8]
    """Pixels of shape (rows, columns)."""
    damaged: bool
    """Whether the decoder went on past damage."""
    difference: float
    """Largest difference between red, green and blue of one pixel, at the scale of the pixels;
    infinite where luma alone can be read."""


def decode_gray(data: bytes, header: Header, reduction: int) -> GrayJpeg | None:
    """Decode a JPEG to gray, as stored: EXIF does not turn it.

    Parameters
    ----------
    data
        All bytes of a JPEG without stray bytes between its segments.
    header
        Header of it.
    reduction
        1, 2, 4 or 8: the image is decoded at 1/n of its size.

    Returns
    -------
    GrayJpeg or None
        None where it cannot make gray of the image, as of CMYK, or where the damage is too great.

    Raises
    ------
    TooLarge
        The image does not fit into memory.
    """
    sides = (header.height, header.width) if reduction > 1 else (0, 0)
    height, width = (-(-side // reduction) for side in sides)
    difference = 0.0
    if header.color:
        colored = _decode(data, "RGB", height, width)
        difference = spread(colored[0]) if colored else math.inf
        if colored and not difference:  # then each channel is the luma: no second decoding
            luma = np.asarray(cv2.extractChannel(colored[0], 0), np.uint8)
            return GrayJpeg(luma, colored[1], difference)
    decoded = _decode(data, "GRAY", height, width)
    return decoded and GrayJpeg(decoded[0][..., 0], decoded[1], difference)


def is_damaged(data: bytes) -> bool:
    """Tell whether a decoder of a JPEG goes on past damage.

    It does where a code has no meaning, a scan ends too early or too late, or a restart marker is
    missing. The codes are the same for all precisions, so that a decoder of 8 bits checks them.

    Parameters
    ----------
    data
        All bytes of a JPEG of 2 to 16 bits without stray bytes between its segments.
    """
    marker, start, samples = _frame(data)
    data = data[:start] + _BITS + data[start + 1 :]
    is_gray = samples == 1 or marker in _SCALABLE
    decoded = _decode(data, "GRAY" if is_gray else "RGB", 1, 1)  # the smallest scale: the fastest
    return decoded is not None and decoded[1]


def _decode(
    data: bytes, color: Literal["GRAY", "RGB"], height: int, width: int
) -> tuple[NDArray[np.uint8], bool] | None:
    """Decode at the smallest scale of at least a height and width, 0 for full; tell of damage."""
    if _frame(data)[0] not in _SCALABLE:
        height = width = 0  # simplejpeg would write past the end of its memory
    for strict in (True, False):
        try:
            pixels = simplejpeg.decode_jpeg(
                data,
                color,
                min_height=height,
                min_width=width,
                fastupsample=color == "RGB",  # of luma nothing is upsampled
                strict=strict,
            )
        except ValueError:
            continue
        except MemoryError as exc:
            raise larger_than_memory() from exc
        return pixels, not strict
    return None


def _frame(data: bytes) -> tuple[int, int, int]:
    """Return the marker of the frame, where its payload starts, and the samples per pixel.

    Reduced scale is safe only if this and the decoder find the same marker: both step from segment
    to segment, where nothing stray is between them.
    """
    for marker, start, _ in jpeg_segments(data):
        if marker in SOF_MARKERS:
            return marker, start, data[start + 5]
    raise IndexError
