"""Perturbations that leave the diagnosis alone: marks, borders, exposure, compression."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ConstantImage
from cxr_edge.imaging.decode import decode

TEXTS: Final = ("L", "R", "AP", "PA", "SUPINE", "PORT.", "KV 65", "12:40", "ERECT")
"""Texts that are painted on radiographs."""

_CORNER: Final = (0.3, 0.5)
"""Shares of the rows and of the columns that a corner has; texts are wide."""


def paint_marker(gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a copy with one bright text painted into a random corner.

    Parameters
    ----------
    gray
        uint8 of shape (H, W).
    rng
        Draws text, size, place and brightness.
    """
    rows, columns = gray.shape
    text = TEXTS[rng.integers(len(TEXTS))]
    size = rng.uniform(0.3, 0.9) * rows / 224
    thickness = max(1, round(rng.uniform(1, 2.5) * rows / 224))
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thickness)
    margin = rng.uniform(0.01, 0.12, 2) * (columns, rows)
    left = margin[0] if rng.random() < 0.5 else columns - width - margin[0]
    bottom = height + margin[1] if rng.random() < 0.5 else rows - margin[1]
    painted = np.ascontiguousarray(gray).copy()
    cv2.putText(
        painted, text, (int(left), int(bottom)), cv2.FONT_HERSHEY_SIMPLEX, size,
        int(rng.integers(160, 256)), thickness, cv2.LINE_AA,
    )  # fmt: skip
    return painted


def paint_out_markers(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a copy whose thin bright marks in the corners are filled from their surroundings.

    A white top-hat finds the marks: they are brighter than everything as wide as a twelfth of the
    image. A. Telea's inpainting fills the holes (Journal of Graphics Tools 9, 2004).

    Parameters
    ----------
    gray
        uint8 of shape (H, W).
    """
    rows, columns = gray.shape
    side = max(3, min(rows, columns) // 12)
    hat = cv2.morphologyEx(gray, cv2.MORPH_TOPHAT, np.ones((side, side), np.uint8))
    mask = (np.asarray(hat) > 60).astype(np.uint8)
    height, width = int(_CORNER[0] * rows), int(_CORNER[1] * columns)
    mask[height : rows - height, :] = 0
    mask[:, width : columns - width] = 0
    mask = np.asarray(cv2.dilate(mask, np.ones((5, 5), np.uint8)), np.uint8)
    return np.asarray(cv2.inpaint(gray, mask, 3, cv2.INPAINT_TELEA), np.uint8)


def mask_border(
    gray: NDArray[np.uint8], depths: tuple[float, float, float, float], level: int = 0
) -> NDArray[np.uint8]:
    """Return a copy with strips along the border painted in one gray.

    Parameters
    ----------
    gray
        uint8 of shape (H, W).
    depths
        Widths of the strips: top, bottom, left, right, as shares of that side.
    level
        Gray level of the strips.
    """
    rows, columns = gray.shape
    top, bottom = int(depths[0] * rows), int(depths[1] * rows)
    left, right = int(depths[2] * columns), int(depths[3] * columns)
    masked = np.full_like(gray, level)
    inner = np.s_[top : rows - bottom, left : columns - right]
    masked[inner] = gray[inner]
    return masked


def set_exposure(
    gray: NDArray[np.uint8], mean: float, deviation: float, gamma: float = 1.0
) -> NDArray[np.uint8]:
    """Return a copy with a mean and standard deviation (apart from clipping), then a gamma.

    Parameters
    ----------
    gray
        uint8 of shape (H, W).
    mean, deviation
        Mean and standard deviation of the copy, gray levels.
    gamma
        Exponent on the scale from 0 to 1.
    """
    level = (np.arange(256) - gray.mean()) / max(float(gray.std()), 1.0) * deviation + mean
    level = np.clip(level / 255, 0, 1) ** gamma
    return np.asarray(cv2.LUT(gray, np.rint(level * 255).astype(np.uint8)), np.uint8)


def recompress(gray: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return ``gray``, uint8 of shape (H, W), compressed as JPEG and decoded again."""
    _, data = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, quality])
    try:
        return decode(data.tobytes()).pixels
    except ConstantImage:  # an image that was nearly even has become even
        return gray
