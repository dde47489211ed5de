"""The fit of the input check's statistics: thresholds are set on images that it did not see."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.patient_split import rank
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError
from cxr_edge.evaluation.style_groups import COUNTER, EASY
from cxr_edge.pipeline.statistics_check import StatisticsCheck, see
from cxr_edge.spec.input_statistics import (
    GRAY_BINS,
    KINDS,
    THUMBNAIL,
    FlaggedImages,
    InputStatistics,
)
from cxr_edge.spec.packed import pack

Features = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Function from pixels (N, H, W, C) to the model's features (N, d)."""

SHARE: Final = 0.004
"""Share of the training hospital's images that each of the two parts may flag, also of the images
of each class and appearance."""

LATERAL: Final = "lateral"
"""Kind of the chest X-rays from the side among the other images."""

_COMPONENTS: Final = 32
_SHRINKAGE: Final = 0.05
"""Added to every variance, of features that vary by 1."""
_FOLDS: Final = 5
_SEED: Final = 2021
_STRENGTH: Final = 0.01
"""Inverse of the penalty on the head's weights."""
_ITERATIONS: Final = 200
_MOST: Final = 2400
"""Frontal images that the head is fitted to, at most; half of them changed in each way too."""
_LEAST_SPREAD: Final = 0.02
"""Added to the deviation of what varies too little to tell anything."""
_ALL: Final = 4.0
"""Sum of the weights below, about; the penalty goes by it."""
_NEVER: Final = -1e6
"""Bias of a kind of which there are no images."""

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
_FRONTAL: Final = -1


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
        of_patient = {patient: place % _FOLDS for place, (_, patient) in enumerate(order)}
        return np.array([of_patient[patient] for patient in self.patients], np.int64)


@dataclass(frozen=True)
class _Examples:
    """Images of one source with what statistics see of them."""

    seen: NDArray[np.float64]
    """Roots of the features and looks, shape (N, d + L)."""
    row: int
    """Place of their flag in KINDS; :data:`_FRONTAL` for frontal chest X-rays."""
    weight: float
    """Weight of all of them together."""
    folds: NDArray[np.int64]
    """Fold of each."""

    def outside(self, fold: int) -> "_Examples":
        """Return the examples that are not in a fold."""
        out = self.folds != fold
        return replace(self, seen=self.seen[out], folds=self.folds[out])


def fit_statistics(
    hospital: ImageSet,
    styles: Styles | None,
    others: ImagesOfKinds,
    elsewhere: ImagesOfKinds | None,
    features: Features,
) -> InputStatistics:
    """Fit the statistics of a model's input check.

    Parameters
    ----------
    hospital
        Images of the training hospital.
    styles
        Their clusters by appearance; None where they are not known.
    others
        Images that are no frontal chest X-rays; those of the kind :data:`LATERAL` are lateral.
    elsewhere
        Frontal chest X-rays of other hospitals; None for none.
    features
        The model's features.

    Raises
    ------
    DataError
        There are too few images, or patients.
    """
    own = ImagesOfKinds(hospital.pixels, _groups(hospital, styles), hospital.patients)
    if len(set(own.folds.tolist())) < _FOLDS or len(own.kinds) < 2 * _COMPONENTS:
        raise DataError(
            f"--not-chest: expected at least {2 * _COMPONENTS} images of {_FOLDS} patients with "
            f"--calibration, got {len(own.kinds)} images of {len(set(own.patients))}"
        )

    def eyes(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        return see(pixels, features(pixels)).astype(np.float64)

    seen = {id(side): eyes(side.pixels) for side in (own, others, elsewhere) if side}
    sides = [side for side in (own, others, elsewhere) if side]
    examples = _examples(own, others, elsewhere, eyes, seen)
    width = seen[id(own)].shape[1] - THUMBNAIL**2 - GRAY_BINS
    mine = seen[id(own)][:, :width]
    parts = [
        _fit(mine[own.folds != fold], [one.outside(fold) for one in examples])
        for fold in range(_FOLDS)
    ]
    judged = {id(side): _judge(parts, seen[id(side)], side.folds) for side in sides}
    allowed, most = (_threshold(values, own.kinds) for values in judged[id(own)])
    groups = []
    for side in sides:
        head, distance = judged[id(side)]
        flagged = (head > allowed) | (distance > most)
        for kind in dict.fromkeys(side.kinds):
            inside = np.array([name == kind for name in side.kinds])
            groups.append(FlaggedImages(kind, int(inside.sum()), int(flagged[inside].sum())))
    return _fit(mine, examples).statistics(allowed, most, tuple(groups))


def _examples(
    own: ImagesOfKinds,
    others: ImagesOfKinds,
    elsewhere: ImagesOfKinds | None,
    eyes: Callable[[NDArray[np.uint8]], NDArray[np.float64]],
    seen: Mapping[int, NDArray[np.float64]],
) -> list[_Examples]:
    """Return all that the head learns from; inverted, rotated and cropped are made."""
    found = []
    for frontal, real, made in ((own, 1.0, 0.4), (elsewhere, 0.5, 0.2)):
        if frontal is None:
            continue
        few = np.sort(np.random.default_rng(_SEED).permutation(len(frontal.kinds))[:_MOST])
        found.append(_Examples(seen[id(frontal)][few], _FRONTAL, real, frontal.folds[few]))
        half = few[::2]
        pixels, folds = frontal.pixels[half], frontal.folds[half]
        turned = np.concatenate(
            [_turned(pixels[number::3], turn) for number, turn in enumerate(_TURNS)]
        )
        order = np.concatenate([folds[number::3] for number in range(len(_TURNS))])
        found.append(_Examples(eyes(255 - pixels), KINDS.index("inverted"), made, folds))
        found.append(_Examples(eyes(turned), KINDS.index("rotated"), made, order))
        found.append(_Examples(eyes(_cropped(pixels)), KINDS.index("cropped"), made, folds))
    side_views = np.array([kind == LATERAL for kind in others.kinds])
    pixels, folds, row = others.pixels, others.folds, seen[id(others)]
    if side_views.any():
        mirrored = eyes(np.ascontiguousarray(pixels[side_views][:, :, ::-1]))
        both = np.concatenate([row[side_views], mirrored])
        twice = np.tile(folds[side_views], 2)
        found.append(_Examples(both, KINDS.index("lateral"), 0.2, twice))
    if not side_views.all():
        rest = pixels[~side_views]
        ways = [255 - rest, *(_turned(rest, turn) for turn in _TURNS)]
        every = np.concatenate([row[~side_views], *map(eyes, ways)])
        often = np.tile(folds[~side_views], 1 + len(ways))
        found.append(_Examples(every, KINDS.index("not-a-chest-film"), 1.0, often))
    return found


def _turned(pixels: NDArray[np.uint8], turns: int) -> NDArray[np.uint8]:
    """Return images (N, H, W, C) by quarter turns, stretched to their former shape."""
    _, height, width, channels = pixels.shape
    turned = np.rot90(pixels, turns, (1, 2))
    if turned.shape[1] != height:
        stretched = [cv2.resize(image, (width, height)) for image in turned]
        turned = np.stack(stretched).reshape(-1, height, width, channels)
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
    return np.stack(found).reshape(-1, height, width, channels)


def _range(rng: np.random.Generator, side: int, where: float | None) -> tuple[int, int]:
    """Return the rows or columns that are kept: all, or 40 to 60 % from one end or the middle."""
    if where is None:
        return 0, side
    kept = round(side * rng.uniform(0.4, 0.6))
    first = round((side - kept) * where)
    return first, first + kept


def _groups(hospital: ImageSet, styles: Styles | None) -> tuple[str, ...]:
    """Return the class and the appearance of each image."""
    odd = styles.counter if styles else np.zeros(len(hospital.images), bool)
    names = [image.class_in(hospital.classes) or "not labelled" for image in hospital.images]
    if not styles:
        return tuple(names)
    return tuple(
        f"{name}, {COUNTER if strange else EASY}"
        for name, strange in zip(names, odd.tolist(), strict=True)
    )


def _threshold(values: NDArray[np.float64], groups: Sequence[str]) -> float:
    """Return the least value that at most :data:`SHARE` of each group lies above."""
    names = np.array(groups)
    return max(
        float(np.quantile(values[names == name], 1 - SHARE, method="higher"))
        for name in np.unique(names)
    )


def _judge(
    parts: Sequence["_Fitted"], seen: NDArray[np.float64], folds: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the head's largest value and the distance of each image, by the fit without it."""
    head, distance = np.empty(len(seen)), np.empty(len(seen))
    for fold, part in enumerate(parts):
        inside = folds == fold
        check = StatisticsCheck(part.statistics(0.0, 1.0))
        there = seen[inside].astype(np.float32)
        head[inside] = check.kinds(there).max(axis=1)
        distance[inside] = check.distances(there)
    return head, distance


@dataclass(frozen=True)
class _Fitted:
    """A distance and a head without thresholds."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    directions: NDArray[np.float64]
    variances: NDArray[np.float64]
    rest: float
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def statistics(
        self, allowed: float, most: float, groups: tuple[FlaggedImages, ...] = ()
    ) -> InputStatistics:
        """Return the statistics with what is allowed: the head's value, and the distance."""
        return InputStatistics(
            features=len(self.mean),
            components=len(self.directions),
            mean=pack(self.mean),
            scale=pack(self.scale),
            directions=pack(self.directions.ravel()),
            variances=pack(self.variances),
            rest=self.rest,
            most=most,
            weights=pack(self.weights.ravel()),
            bias=pack(self.bias - allowed),
            groups=groups,
        )


def _fit(own: NDArray[np.float64], examples: Sequence[_Examples]) -> _Fitted:
    """Fit the distance to features (N, d) of the training hospital, and the head to examples."""
    mean, scale = own.mean(axis=0), 1 / (own.std(axis=0) + _LEAST_SPREAD)
    standard = (own - mean) * scale
    values, vectors = np.linalg.eigh(standard.T @ standard / len(standard))
    kept = min(_COMPONENTS, len(values) - 1)
    weights, bias = _fit_head(examples)
    return _Fitted(
        mean,
        scale,
        vectors[:, ::-1][:, :kept].T,
        values[::-1][:kept] + _SHRINKAGE,
        float(values[::-1][kept:].mean()) + _SHRINKAGE,
        weights,
        bias,
    )


def _fit_head(
    examples: Sequence[_Examples],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights and bias of each kind against frontal chest X-rays."""
    there = [one for one in examples if len(one.seen)]
    seen = np.concatenate([one.seen for one in there])
    rows = np.concatenate([np.full(len(one.seen), one.row) for one in there])
    each = np.concatenate([np.full(len(one.seen), one.weight / len(one.seen)) for one in there])
    mean, spread = seen.mean(axis=0), seen.std(axis=0) + _LEAST_SPREAD
    head = LogisticRegression(C=_STRENGTH, max_iter=_ITERATIONS)
    head.fit((seen - mean) / spread, rows, sample_weight=each * len(seen) / _ALL)
    coefficients = (head.coef_[1:] - head.coef_[0]) / spread
    intercepts = head.intercept_[1:] - head.intercept_[0] - coefficients @ mean
    weights, bias = np.zeros((len(KINDS), seen.shape[1])), np.full(len(KINDS), _NEVER)
    weights[head.classes_[1:]], bias[head.classes_[1:]] = coefficients, intercepts
    return weights, bias
