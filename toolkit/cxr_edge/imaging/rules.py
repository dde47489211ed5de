"""The code behind the values of a recipe: every value is looked up in one of these tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.imaging.bit_depth import to_8_bits


@dataclass(frozen=True)
class GrayRule:
    """A way to make gray of color, wherever the color comes from."""

    imread: Mapping[int, int]
    """OpenCV's modes to decode a raster file at 1/n of its size, by n."""
    from_rgb: Callable[[NDArray[Any]], NDArray[Any]]
    """Gray of pixels of shape (rows, columns, 3), in their type: uint8 or float32."""
    from_ybr: Callable[[NDArray[Any]], NDArray[Any]]
    """Gray of DICOM's YBR_FULL pixels of shape (rows, columns, 3), in their type."""


GRAY: Final[Mapping[str, GrayRule]] = {
    "luma-bt601": GrayRule(
        {
            1: cv2.IMREAD_GRAYSCALE,
            2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
            4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
            8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
        },
        from_rgb=partial(cv2.cvtColor, code=cv2.COLOR_RGB2GRAY),
        from_ybr=lambda pixels: pixels[..., 0],
    )
}
"""Values of ``Recipe.gray``."""

DEEP: Final[Mapping[str, Callable[[NDArray[np.uint16]], tuple[NDArray[np.uint8], int]]]] = {
    "multiples-of-257-divided-else-least-of-8-10-12-14-16-bits-that-holds-the-maximum": to_8_bits
}
"""Values of ``Recipe.deep``: 16-bit samples to 8-bit ones, and the bits that were used."""

INTERPOLATION: Final[Mapping[str, int]] = {
    "area": cv2.INTER_AREA,
    "bilinear": cv2.INTER_LINEAR,
}
"""Values of ``Recipe.shrink`` and ``Recipe.enlarge``: OpenCV's names for them."""
