"""Gray images to the bytes of an image file without metadata."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import TooLarge, UsageError
from cxr_edge.system.ranges import QUALITY

JPEG_SIDE: Final = 65_500
"""Largest count of rows or columns of a JPEG, by libjpeg's limit."""


class Container(StrEnum):
    """The formats that are written, by their suffixes."""

    PNG = "png"
    TIFF = "tiff"
    JPEG = "jpg"


@dataclass(frozen=True)
class Encoding:
    """The format of an image file and its settings."""

    container: Container = Container.PNG
    """Format of the file."""
    bits: int = 8
    """Bits per sample: 8, or 16 for PNG and TIFF."""
    quality: int = 95
    """Quality of a JPEG, in :data:`QUALITY`."""

    def __post_init__(self) -> None:
        if self.bits not in (8, 16):
            raise UsageError(f"--bits: expected 8 or 16, got {self.bits}")
        QUALITY.require("--quality", self.quality)
        if self.bits == 16 and self.container is Container.JPEG:
            raise UsageError(
                "--bits: JPEG has only 8 bits; leave the option out, or choose PNG or TIFF"
            )

    @property
    def described(self) -> str:
        """Description for a person."""
        if self.container is Container.JPEG:
            return f"JPEG of quality {self.quality}"
        return f"{self.container.name} of {self.bits} bits"

    def encode(self, pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
        """Return the bytes of an image file.

        Parameters
        ----------
        pixels
            Gray of shape (rows, columns), or blue, green and red of shape (rows, columns, 3):
            uint8 for 8 bits, uint16 for 16.

        Returns
        -------
        bytes
            File with nothing but sizes and pixels; PNG and TIFF are lossless.

        Raises
        ------
        TooLarge
            A side is longer than a JPEG's can be.
        """
        if self.container is Container.JPEG and max(pixels.shape) > JPEG_SIDE:
            raise TooLarge(
                f"expected at most {JPEG_SIDE} pixels per side for JPEG, "
                f"got {pixels.shape[1]} x {pixels.shape[0]}; choose PNG"
            )
        options = []
        if self.container is Container.JPEG:
            options = [cv2.IMWRITE_JPEG_QUALITY, self.quality]
        _, data = cv2.imencode(f".{self.container}", pixels, options)
        return data.tobytes()
