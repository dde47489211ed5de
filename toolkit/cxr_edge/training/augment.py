"""Random changes that a film may undergo without changing its label."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes; each is drawn uniformly for every film and epoch.

    No kind of change is always made: a network that never sees a film as it came takes the
    softness of resampling for a sign.
    """

    move: float = 0.6
    """Probability of rotation, zoom, shift and shear."""
    rotation: float = 10.0
    """Degrees, either way."""
    zoom: float = 0.15
    """Each axis by itself, from 1 - zoom to 1 + zoom."""
    shift: float = 0.08
    """Share of the side, either way, each axis."""
    shear: float = 0.05
    """Columns a row, either way."""
    flip: float = 0.5
    """Probability of a left-right mirror image."""
    expose: float = 0.6
    """Probability of a change of gamma, contrast and brightness."""
    gamma: float = 0.5
    """Exponent from 2 ** -gamma to 2 ** gamma."""
    contrast: float = 0.3
    """Factor about mid-gray, from 1 - contrast to 1 + contrast."""
    brightness: float = 0.15
    """Added, as a share of white, either way."""
    degrade: float = 0.3
    """Probability of blur and noise; most films stay as sharp as they come."""
    blur: float = 1.0
    """Largest sigma of the Gaussian blur, pixels."""
    noise: float = 6.0
    """Largest standard deviation of the noise, gray levels."""
    erase: float = 0.25
    """Probability that a border and a corner are painted over with one gray."""

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a changed copy of ``pixels``, uint8 of shape (H, W, C)."""
        gray = pixels[:, :, 0]
        if rng.random() < self.flip:
            gray = gray[:, ::-1]
        if rng.random() < self.move:
            gray = self._move(gray, rng)
        if rng.random() < self.expose:
            gray = self._expose(gray, rng)
        if rng.random() < self.degrade:
            gray = self._degrade(gray, rng)
        if rng.random() < self.erase:
            gray = _erase(gray, rng)
        return np.repeat(gray[:, :, np.newaxis], pixels.shape[2], axis=2)

    def _move(self, gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        rows, columns = gray.shape
        angle = np.deg2rad(rng.uniform(-self.rotation, self.rotation))
        shear = rng.uniform(-self.shear, self.shear)
        scale = 1 + rng.uniform(-self.zoom, self.zoom, 2)
        rotate = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = rotate @ np.array([[1, shear], [0, 1]]) @ np.diag(scale)
        center = np.array([(columns - 1) / 2, (rows - 1) / 2])
        offset = center - linear @ center
        offset += rng.uniform(-self.shift, self.shift, 2) * (columns, rows)
        matrix = np.hstack([linear, offset[:, np.newaxis]])
        moved = cv2.warpAffine(gray, matrix, (columns, rows), flags=cv2.INTER_CUBIC)
        return np.asarray(moved, np.uint8)

    def _expose(self, gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Change gamma, contrast and brightness through one look-up table."""
        level = np.linspace(0, 1, 256) ** (2 ** rng.uniform(-self.gamma, self.gamma))
        level = 0.5 + (level - 0.5) * (1 + rng.uniform(-self.contrast, self.contrast))
        level += rng.uniform(-self.brightness, self.brightness)
        table = np.rint(np.clip(level, 0, 1) * 255).astype(np.uint8)
        return np.asarray(cv2.LUT(gray, table), np.uint8)

    def _degrade(self, gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        sigma = rng.uniform(0, self.blur)
        if sigma > 0.3:  # below, the kernel is a single pixel
            gray = np.asarray(cv2.GaussianBlur(gray, (0, 0), sigma), np.uint8)
        deviation = rng.uniform(0, self.noise)
        noise = rng.normal(0, deviation, gray.shape).astype(np.int16)
        return np.asarray(np.clip(gray + noise, 0, 255), np.uint8)


def _erase(gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a copy with one border strip and one corner painted over with one gray."""
    gray = gray.copy()
    rows, columns = gray.shape
    level = rng.integers(0, 256)
    depth = rng.uniform(0, 0.1)
    strips = (
        np.s_[: int(depth * rows), :],
        np.s_[rows - int(depth * rows) :, :],
        np.s_[:, : int(depth * columns)],
        np.s_[:, columns - int(depth * columns) :],
    )
    gray[strips[rng.integers(4)]] = level
    height, width = (rng.uniform(0.05, 0.25, 2) * (rows, columns)).astype(int)
    top = 0 if rng.random() < 0.5 else rows - height
    left = 0 if rng.random() < 0.5 else columns - width
    gray[top : top + height, left : left + width] = level
    return gray
