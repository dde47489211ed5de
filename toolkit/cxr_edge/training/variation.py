"""Changes of scale and rendering that come before any augmentation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.imaging.preprocess import stretch
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training.augment import PRESETS, Augment
from cxr_edge.training.config import FitConfig
from cxr_edge.training.pool import Pool

_ASPECT: Final = 4 / 3
"""Largest ratio of the sides of a crop."""

_TRIES: Final = 10
_WHOLE: Final = 0.15
"""Share of the images that stay whole: the network is used on whole images."""


@dataclass(frozen=True)
class RandomResizedCrop:
    """A random part of a larger image, stretched to the network's input as in a scan.

    References
    ----------
    C. Szegedy et al.: Going deeper with convolutions. CVPR 2015, section 6.
    """

    area: float
    """Least share of the image that is kept."""
    input: InputSpec
    """Pixels of the result."""

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return part of ``pixels``, uint8 of shape (H, W, C) with equal channels."""
        gray = pixels[:, :, 0]
        if rng.random() < _WHOLE:
            return stretch(gray, self.input)
        rows, columns = gray.shape
        for _ in range(_TRIES):
            area, ratio = rng.uniform(self.area, 1), _ASPECT ** rng.uniform(-1, 1)
            height = round(rows * math.sqrt(area * ratio))
            width = round(columns * math.sqrt(area / ratio))
            if 0 < height <= rows and 0 < width <= columns:
                break
        else:
            return stretch(gray, self.input)
        top, left = rng.integers(rows - height + 1), rng.integers(columns - width + 1)
        part = np.ascontiguousarray(gray[top : top + height, left : left + width])
        return stretch(part, self.input)


@dataclass(frozen=True)
class StyleMixing:
    """Another rendering of the same image: what differs between devices and not with disease."""

    probability: float
    """Probability that an image is changed."""
    clip: tuple[float, float] = (1.5, 4.0)
    """Clip limit of the adaptive equalization (CLAHE) on 4 x 4 tiles."""
    detail: tuple[float, float] = (1.0, 2.0)
    """Gain of the difference from the local mean, which replaces the image."""
    window: float = 0.2
    """Side of the window of that mean, share of the image's."""
    blur: tuple[float, float] = (0.4, 1.5)
    """Sigma of the blur, pixels."""
    sharpen: tuple[float, float] = (0.3, 2.0)
    """Share of its own detail that is added to the image."""

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a changed copy of ``pixels``, uint8 of shape (H, W, C) with equal channels."""
        if rng.random() >= self.probability:
            return pixels
        gray = np.ascontiguousarray(pixels[:, :, 0])
        change = (self._adapt, self._equalize, self._local, self._soften, self._sharpen)
        drawn = change[rng.integers(len(change))](gray, rng)
        bounded = np.clip(np.rint(drawn), 0, 255).astype(np.uint8)
        return np.repeat(bounded[:, :, np.newaxis], pixels.shape[2], axis=2)

    def _adapt(self, gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        return np.asarray(cv2.createCLAHE(rng.uniform(*self.clip), (4, 4)).apply(gray), np.uint8)

    def _equalize(self, gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
        share = rng.uniform(0.3, 1)
        return (1 - share) * gray + share * cv2.equalizeHist(gray).astype(np.float32)

    def _local(self, gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
        side = max(3, int(self.window * len(gray)) | 1)
        image = gray.astype(np.float32)
        mean = np.asarray(cv2.blur(image, (side, side)), np.float32)
        return 128 + rng.uniform(*self.detail) * (image - mean)

    def _soften(self, gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        return np.asarray(cv2.GaussianBlur(gray, (0, 0), rng.uniform(*self.blur)), np.uint8)

    def _sharpen(self, gray: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
        image = gray.astype(np.float32)
        soft = np.asarray(cv2.GaussianBlur(image, (0, 0), 1.2), np.float32)
        return image + rng.uniform(*self.sharpen) * (image - soft)


@dataclass(frozen=True)
class StyleTransfer:
    """The rendering of another training image: its sharpness, by scale, and its gray levels.

    The other image is of either class with the same chance, so a network cannot tell a class by the
    rendering that most of its images have.
    """

    probability: float
    """Probability that an image is changed."""
    pool: Pool
    """Images that renderings are taken from."""
    input: InputSpec
    """Pixels of an image."""
    share: tuple[float, float] = (0.3, 1.0)
    """Share of the difference between the two renderings that is made up for."""
    gain: tuple[float, float] = (0.3, 3.0)
    """Least and largest ratio of the contrast of one scale to what it was."""

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a changed copy of ``pixels``, uint8 of shape (H, W, C) with equal channels."""
        if rng.random() >= self.probability:
            return pixels
        other = stretch(self.pool.draw(rng)[:, :, 0], self.input)[:, :, 0]
        share = rng.uniform(*self.share)
        base, own = _scales(pixels[:, :, 0])
        _, theirs = _scales(other)
        image = base
        for ours, wanted in zip(own, theirs, strict=True):
            ratio = (wanted.std() + _QUIET) / (ours.std() + _QUIET)
            image = image + ours * float(np.clip(ratio, *self.gain) ** share)
        gray = np.clip(np.rint(image), 0, 255).astype(np.uint8)
        levels = np.arange(256)
        matched = np.interp(_cumulative(gray), _cumulative(other), levels)
        table = np.rint((1 - share) * levels + share * matched).astype(np.uint8)
        return np.repeat(table[gray][:, :, np.newaxis], pixels.shape[2], axis=2)


_QUIET: Final = 0.3
"""Standard deviation, in gray levels, below which a scale is noise of rounding."""


def _scales(
    gray: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], ...]]:
    """Return an image without its fine structures, and these by scale: about 1, 2 and 6 pixels."""
    image = gray.astype(np.float32)
    smooth = [image, cv2.GaussianBlur(image, (0, 0), 0.8)]
    smooth.append(cv2.GaussianBlur(smooth[-1], (0, 0), 1.6))
    smooth.append(cv2.blur(smooth[-1], (13, 13)))
    arrays = [np.asarray(one, np.float32) for one in smooth]
    return arrays[-1], tuple(fine - coarse for fine, coarse in pairwise(arrays))


def _cumulative(gray: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the share of pixels at or below each of the 256 gray levels."""
    return np.cumsum(np.bincount(gray.ravel(), minlength=256)) / gray.size


def augmentation_of(config: FitConfig, pool: Pool) -> Augment:
    """Return the changes of a run's training images: crops, rendering, then the preset.

    It takes pixels as ``config.training_input`` says, and gives those that the network takes.

    Parameters
    ----------
    config
        Settings of the run.
    pool
        Its training images, which lend each other their rendering.
    """
    steps: list[Augment] = []
    if config.crop_area < 1:
        steps.append(RandomResizedCrop(config.crop_area, config.input))
    if config.style_transfer > 0:
        steps.append(StyleTransfer(config.style_transfer, pool, config.input))
    if config.style_mixing > 0:
        steps.append(StyleMixing(config.style_mixing))
    steps.append(PRESETS[config.augmentation])
    return _Sequence(tuple(steps))


@dataclass(frozen=True)
class _Sequence:
    """Changes one after the other."""

    steps: Sequence[Augment]

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        for step in self.steps:
            pixels = step(pixels, rng)
        return pixels
