"""Augmentation: random changes of an image that leave its label."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.imaging.perturbations import (
    mask_border,
    paint_marker,
    paint_out_markers,
    recompress,
    set_exposure,
)
from cxr_edge.training.config import Augmentation

Augment = Callable[[NDArray[np.uint8], np.random.Generator], NDArray[np.uint8]]
"""An image, uint8 of shape (H, W, C) with equal channels, to a changed copy."""


@dataclass(frozen=True)
class Study2021:
    """Augmentation of the 2021 study: Keras' ImageDataGenerator with shear, zoom and flip."""

    shear: float = 0.2
    """Shear, degrees, either way; Keras' ``shear_range``."""
    zoom: float = 0.2
    """Zoom of each axis by itself, from 1 - zoom to 1 + zoom; Keras' ``zoom_range``."""
    flip: float = 0.5
    """Probability of a left-right mirror image; Keras' ``horizontal_flip``."""

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a changed copy of ``pixels``, uint8 of shape (H, W, C)."""
        shear = np.deg2rad(rng.uniform(-self.shear, self.shear))
        zoom_x, zoom_y = rng.uniform(1 - self.zoom, 1 + self.zoom, 2)
        gray = keras_affine(pixels[:, :, 0], shear, zoom_x, zoom_y)
        if rng.random() < self.flip:
            gray = gray[:, ::-1]
        return _channels(gray, pixels.shape[2])


def keras_affine(
    gray: NDArray[np.uint8], shear: float, zoom_x: float, zoom_y: float
) -> NDArray[np.uint8]:
    """Shear and zoom as Keras' ``apply_affine_transform`` does, bilinear, edges repeated.

    Parameters
    ----------
    gray
        uint8 of shape (H, W).
    shear
        Radians.
    zoom_x, zoom_y
        Columns and rows of the source per column and row of the result.
    """
    rows, columns = gray.shape
    linear = np.array([[1, -np.sin(shear)], [0, np.cos(shear)]]) @ np.diag([zoom_x, zoom_y])
    center = np.array([(columns - 1) / 2, (rows - 1) / 2])
    matrix = np.hstack([linear, (center - linear @ center)[:, np.newaxis]])
    moved = cv2.warpAffine(
        gray, matrix, (columns, rows),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.asarray(moved, np.uint8)


@dataclass(frozen=True)
class Robust:
    """Changes that break what depends on the hospital and the class, but not on the disease.

    Values are drawn uniformly from the ranges, for every image and epoch. No change is made always:
    a network that never sees an unchanged image can take the softness of resampling for a sign.
    Scale stays as it is: random crops, which come before, change it.
    """

    move: float = 0.5
    """Probability of rotation and shift."""
    rotation: float = 10.0
    """Rotation, degrees, either way."""
    shift: float = 0.06
    """Shift along each axis, share of the side, either way."""
    flip: float = 0.5
    """Probability of a left-right mirror image."""
    expose: float = 0.8
    """Probability of another exposure."""
    mean: tuple[float, float] = (85.0, 160.0)
    """Gray level that the image's mean is moved to."""
    deviation: tuple[float, float] = (32.0, 75.0)
    """Gray levels that the image's standard deviation is stretched to."""
    gamma: float = 0.5
    """Exponent from 2 ** -gamma to 2 ** gamma."""
    degrade: float = 0.375
    """Probability of a worse copy: one in three by JPEG compression, the others by blur and
    noise."""
    quality: tuple[int, int] = (20, 90)
    """Quality of the JPEG compression."""
    blur: float = 1.1
    """Largest sigma of the Gaussian blur, pixels."""
    noise: float = 8.0
    """Largest standard deviation of the noise, gray levels."""
    unmark: float = 0.25
    """Probability that side letters in the corners are painted out."""
    mark: float = 0.3
    """Probability of one or two painted side letters or texts."""
    erase: float = 0.5
    """Probability that borders and a corner are painted over with one gray."""
    border: float = 0.15
    """Deepest border painted over, share of the side."""
    frame: float = 0.4
    """Share of the borders that are equally deep on all sides."""

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a changed copy of ``pixels``, uint8 of shape (H, W, C)."""
        gray = pixels[:, :, 0]
        if rng.random() < self.flip:
            gray = gray[:, ::-1]
        if rng.random() < self.unmark:
            gray = paint_out_markers(np.ascontiguousarray(gray))
        if rng.random() < self.mark:
            for _ in range(rng.integers(1, 3)):
                gray = paint_marker(gray, rng)
        for probability, change in (
            (self.move, self._move),
            (self.expose, self._expose),
            (self.degrade, self._degrade),
            (self.erase, self._erase),
        ):
            if rng.random() < probability:
                gray = change(gray, rng)
        return _channels(gray, pixels.shape[2])

    def _move(self, gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        rows, columns = gray.shape
        angle = np.deg2rad(rng.uniform(-self.rotation, self.rotation))
        linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        center = np.array([(columns - 1) / 2, (rows - 1) / 2])
        offset = center - linear @ center
        offset += rng.uniform(-self.shift, self.shift, 2) * (columns, rows)
        matrix = np.hstack([linear, offset[:, np.newaxis]])
        moved = cv2.warpAffine(gray, matrix, (columns, rows), flags=cv2.INTER_CUBIC)
        return np.asarray(moved, np.uint8)

    def _expose(self, gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Give the image a mean and deviation of its own, then a gamma, by one look-up table."""
        return set_exposure(
            gray,
            rng.uniform(*self.mean),
            rng.uniform(*self.deviation),
            2 ** rng.uniform(-self.gamma, self.gamma),
        )

    def _degrade(self, gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        if rng.random() < 1 / 3:
            return recompress(gray, int(rng.integers(*self.quality)))
        sigma = rng.uniform(0, self.blur)
        if sigma > 0.3:  # below, the kernel is a single pixel
            gray = np.asarray(cv2.GaussianBlur(gray, (0, 0), sigma), np.uint8)
        deviation = rng.uniform(0, self.noise)
        noise = rng.normal(0, deviation, gray.shape).astype(np.int16)
        return np.asarray(np.clip(gray + noise, 0, 255), np.uint8)

    def _erase(self, gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        level = 0 if rng.random() < 0.5 else int(rng.integers(0, 256))
        if rng.random() < self.frame:
            depths = np.full(4, rng.uniform(0, self.border))
        else:
            depths = rng.uniform(0, self.border, 4) * (rng.random(4) < 0.7)
        top, bottom, left, right = depths
        gray = mask_border(gray, (top, bottom, left, right), level)
        rows, columns = gray.shape
        height, width = (rng.uniform(0.05, 0.25, 2) * (rows, columns)).astype(int)
        y = 0 if rng.random() < 0.5 else rows - height
        x = 0 if rng.random() < 0.5 else columns - width
        gray[y : y + height, x : x + width] = level
        return gray


def _channels(gray: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    return np.repeat(gray[:, :, np.newaxis], count, axis=2)


PRESETS: Final[Mapping[Augmentation, Augment]] = {"study-2021": Study2021(), "robust": Robust()}
"""Name to augmentation."""
