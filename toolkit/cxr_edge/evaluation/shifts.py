"""Changed copies of labelled images: other exposure, crop and compression."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.imaging.perturbations import recompress, set_exposure

CLEAN: Final = "clean"
"""Name of the images as they are."""

OTHER_CLASS_EXPOSURE: Final = "exposure of the other class"
"""Name of the copy in which each image has mean and deviation of one of the other class."""

POSITIVE_EXPOSURE: Final = "negatives exposed as positives"
"""Name of the copy in which negative images have the exposure of positive ones."""

_SEED: Final = 2021


def _level(change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> "Change":
    """Return a change of gray levels, given on the scale from 0 to 1."""
    table = np.rint(np.clip(change(np.linspace(0, 1, 256)), 0, 1) * 255).astype(np.uint8)
    return lambda gray: np.asarray(cv2.LUT(gray, table), np.uint8)


def _crop(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = gray.shape
    top, left = round(rows * 0.075), round(columns * 0.075)
    inner = np.ascontiguousarray(gray[top : rows - top, left : columns - left])
    return np.asarray(cv2.resize(inner, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8)


Change = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

_CHANGES: Final[Mapping[str, Change]] = {
    CLEAN: lambda gray: gray,
    "darker by 30 levels": _level(lambda level: level - 30 / 255),
    "brighter by 30 levels": _level(lambda level: level + 30 / 255),
    "contrast x 0.7": _level(lambda level: 0.5 + 0.7 * (level - 0.5)),
    "contrast x 1.3": _level(lambda level: 0.5 + 1.3 * (level - 0.5)),
    "gamma 0.7": _level(lambda level: level**0.7),
    "gamma 1.4": _level(lambda level: level**1.4),
    "cropped to 85 %": _crop,
    "JPEG quality 30": lambda gray: recompress(gray, 30),
}


def shifted(images: ImageSet) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield name and pixels, uint8 of shape (N, H, W, C), of each copy, one at a time.

    The first are the images as they are. Without images of both classes the copies with exchanged
    exposure are left out.
    """
    gray = images.pixels[:, :, :, 0]
    for name, change in _CHANGES.items():
        yield name, _stack([change(image) for image in gray], images)
    labels = images.labels
    if len(set(labels)) < len(images.classes):
        return  # no image of the other class to take an exposure from
    swapped = _swap_exposure(gray, labels)
    yield OTHER_CLASS_EXPOSURE, _stack(swapped, images)
    mixed = [
        new if label == 0 else old for new, old, label in zip(swapped, gray, labels, strict=True)
    ]
    yield POSITIVE_EXPOSURE, _stack(mixed, images)


def _swap_exposure(gray: NDArray[np.uint8], labels: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
    """Give each image the mean and deviation of one of the other class, drawn by a fixed seed."""
    rng = np.random.default_rng(_SEED)
    others = [np.flatnonzero(labels != label) for label in (0, 1)]
    donors = [gray[rng.choice(others[label])] for label in labels]
    return [
        set_exposure(image, float(donor.mean()), float(donor.std()))
        for image, donor in zip(gray, donors, strict=True)
    ]


def _stack(gray: list[NDArray[np.uint8]], images: ImageSet) -> NDArray[np.uint8]:
    return np.repeat(np.stack(gray)[..., np.newaxis], images.pixels.shape[-1], axis=-1)
