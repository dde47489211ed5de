"""The images that the input check's head learns from, real ones and those made of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.patient_split import rank
from cxr_edge.spec.input_statistics import KINDS

LATERAL: Final = "lateral"
"""Kind of the chest X-rays from the side among the other images."""

FOLDS: Final = 5
"""Folds of the patients."""

FRONTAL: Final = -1
"""In place of a row of KINDS, for frontal chest X-rays."""

_SEED: Final = 2021
_MOST: Final = 2400
"""Frontal images of a source that are learned from, at most; half of them changed too."""
_CUTS: Final = (
    (0.0, None),
    (1.0, None),
    (None, 0.0),
    (None, 1.0),
    (0.0, 0.0),
    (1.0, 0.0),
    (0.0, 1.0),
    (1.0, 1.0),
    (0.5, 0.5),
)
"""Places of the part that is kept of a cropped image, across and down: 0 for left or top, 1 for
right or bottom, None for all."""
_TURNS: Final = (1, 2, 3)
"""Quarter turns of a rotated image."""


def _dealt(patient: tuple[str, str]) -> tuple[str, float]:
    """Return the place of a patient's kind and name in the order in which folds are dealt."""
    kind, name = patient
    return kind, rank(name, _SEED)


@dataclass(frozen=True)
class ImagesOfKinds:
    """Images of one source, with the kind of each."""

    pixels: NDArray[np.uint8]
    """Pixels, shape (N, H, W, C)."""
    kinds: tuple[str, ...]
    """Kind of each of N images, such as ``photo``; for those of the training hospital, class and
    appearance."""
    patients: tuple[str, ...]
    """Patient of each; images of one are never on both sides of a fold."""

    @property
    def folds(self) -> NDArray[np.int64]:
        """Fold of each image, from 0, shape (N,)."""
        order = sorted(set(zip(self.kinds, self.patients, strict=True)), key=_dealt)
        of_patient = {patient: place % FOLDS for place, (_, patient) in enumerate(order)}
        return np.array([of_patient[patient] for patient in self.patients], np.int64)


@dataclass(frozen=True)
class Examples:
    """Images of one source with what statistics see of them."""

    seen: NDArray[np.float64]
    """Roots of the features and looks, shape (N, d + L)."""
    row: int
    """Place of their flag in KINDS; :data:`FRONTAL` for frontal chest X-rays."""
    weight: float
    """Weight of all of them together."""
    folds: NDArray[np.int64]
    """Fold of each."""

    def outside(self, fold: int) -> "Examples":
        """Return the examples that are not in a fold."""
        out = self.folds != fold
        return replace(self, seen=self.seen[out], folds=self.folds[out])


def examples_of(
    own: ImagesOfKinds,
    others: ImagesOfKinds,
    elsewhere: ImagesOfKinds | None,
    eyes: Callable[[NDArray[np.uint8]], NDArray[np.float64]],
    seen: Mapping[int, NDArray[np.float64]],
) -> list[Examples]:
    """Return all that the head learns from; inverted, rotated and cropped are made."""
    found = []
    for frontal, real, made in ((own, 1.0, 0.4), (elsewhere, 0.5, 0.2)):
        if frontal is None:
            continue
        few = np.sort(np.random.default_rng(_SEED).permutation(len(frontal.kinds))[:_MOST])
        found.append(Examples(seen[id(frontal)][few], FRONTAL, real, frontal.folds[few]))
        half = few[::2]
        pixels, folds = frontal.pixels[half], frontal.folds[half]
        turned = np.concatenate(
            [_turned(pixels[number::3], turn) for number, turn in enumerate(_TURNS)]
        )
        order = np.concatenate([folds[number::3] for number in range(len(_TURNS))])
        found.append(Examples(eyes(255 - pixels), KINDS.index("inverted"), made, folds))
        found.append(Examples(eyes(turned), KINDS.index("rotated"), made, order))
        found.append(Examples(eyes(_cropped(pixels)), KINDS.index("cropped"), made, folds))
    side_views = np.array([kind == LATERAL for kind in others.kinds])
    pixels, folds, row = others.pixels, others.folds, seen[id(others)]
    if side_views.any():
        mirrored = eyes(np.ascontiguousarray(pixels[side_views][:, :, ::-1]))
        both = np.concatenate([row[side_views], mirrored])
        twice = np.tile(folds[side_views], 2)
        found.append(Examples(both, KINDS.index("lateral"), 0.2, twice))
    if not side_views.all():
        rest = pixels[~side_views]
        ways = [255 - rest, *(_turned(rest, turn) for turn in _TURNS)]
        every = np.concatenate([row[~side_views], *map(eyes, ways)])
        often = np.tile(folds[~side_views], 1 + len(ways))
        found.append(Examples(every, KINDS.index("not-a-chest-film"), 1.0, often))
    return found


def _turned(pixels: NDArray[np.uint8], turns: int) -> NDArray[np.uint8]:
    """Return images (N, H, W, C) by quarter turns, stretched to their former shape."""
    _, height, width, channels = pixels.shape
    turned = np.rot90(pixels, turns, (1, 2))
    if turned.shape[1] != height:
        stretched = [cv2.resize(image, (width, height)) for image in turned]
        turned = np.array(stretched, np.uint8).reshape(-1, height, width, channels)
    return np.ascontiguousarray(turned)


def _cropped(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return about half or a quarter of each image (N, H, W, C), stretched to its former shape."""
    _, height, width, channels = pixels.shape
    rng = np.random.default_rng(_SEED)
    found = []
    for number, image in enumerate(pixels):
        across, down = _CUTS[number % len(_CUTS)]
        (top, bottom), (left, right) = (
            _range(rng, side, where) for side, where in ((height, down), (width, across))
        )
        found.append(cv2.resize(image[top:bottom, left:right], (width, height)))
    return np.array(found, np.uint8).reshape(-1, height, width, channels)


def _range(rng: np.random.Generator, side: int, where: float | None) -> tuple[int, int]:
    """Return the rows or columns that are kept: all, or 40 to 60 % from one end or the middle."""
    if where is None:
        return 0, side
    kept = round(side * rng.uniform(0.4, 0.6))
    first = round((side - kept) * where)
    return first, first + kept
