"""The fit of the input check's statistics: thresholds are set on images that it did not see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError
from cxr_edge.evaluation.style_groups import COUNTER, EASY
from cxr_edge.pipeline.statistics_check import StatisticsCheck, see
from cxr_edge.spec.input_statistics import (
    GRAY_BINS,
    KINDS,
    NOT_LABELLED,
    THUMBNAIL,
    FlaggedImages,
    InputStatistics,
)
from cxr_edge.spec.packed import pack
from cxr_export.packaging.check_examples import FOLDS, Examples, ImagesOfKinds, examples_of

Features = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Function from pixels (N, H, W, C) to the model's features (N, d)."""

SHARE: Final = 0.004
"""Share of the training hospital's images that each of the two parts may flag, also of the images
of each class and appearance."""

_COMPONENTS: Final = 32
_SHRINKAGE: Final = 0.05
"""Added to every variance, of features that vary by 1."""
_STRENGTH: Final = 0.01
"""Inverse of the penalty on the head's weights."""
_ITERATIONS: Final = 200
_LEAST_SPREAD: Final = 0.02
"""Added to the deviation of what varies too little to tell anything."""
_ALL: Final = 4.0
"""Sum of the weights below, about; the penalty goes by it."""
_NEVER: Final = -1e6
"""Bias of a kind of which there are no images."""


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
        Images that are no frontal chest X-rays; those of the kind
        :data:`cxr_export.packaging.check_examples.LATERAL` are lateral.
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
    if len(set(own.folds.tolist())) < FOLDS or len(own.kinds) < 2 * _COMPONENTS:
        raise DataError(
            f"--not-chest: expected at least {2 * _COMPONENTS} images of {FOLDS} patients with "
            f"--calibration, got {len(own.kinds)} images of {len(set(own.patients))}"
        )

    def eyes(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        return see(pixels, features(pixels)).astype(np.float64)

    seen = {id(side): eyes(side.pixels) for side in (own, others, elsewhere) if side}
    sides = [side for side in (own, others, elsewhere) if side]
    examples = examples_of(own, others, elsewhere, eyes, seen)
    width = seen[id(own)].shape[1] - THUMBNAIL**2 - GRAY_BINS
    mine = seen[id(own)][:, :width]
    parts = [
        _fit(mine[own.folds != fold], [one.outside(fold) for one in examples])
        for fold in range(FOLDS)
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


def _groups(hospital: ImageSet, styles: Styles | None) -> tuple[str, ...]:
    """Return the class and the appearance of each image."""
    odd = styles.counter if styles else np.zeros(len(hospital.images), bool)
    names = [image.class_in(hospital.classes) or NOT_LABELLED for image in hospital.images]
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


def _fit(own: NDArray[np.float64], examples: Sequence[Examples]) -> _Fitted:
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
    examples: Sequence[Examples],
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
