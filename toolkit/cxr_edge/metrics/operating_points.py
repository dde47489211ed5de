"""Operating points: thresholds chosen on labelled images, with sensitivity and specificity."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from cxr_edge.metrics.proportions import wilson
from cxr_edge.metrics.roc import by_class
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS, OperatingPoint

SCREENING: Final = "screening"
"""Name of the operating point that keeps :data:`SCREENING_SENSITIVITY`, and misses no more than
:data:`BALANCED` does."""

BALANCED: Final = "balanced"
"""Name of the operating point with the largest sum of sensitivity and specificity (Youden)."""

FIXED: Final = "fixed-0.5"
"""Name of the operating point at threshold 0.5, whatever the scores are."""

SCREENING_SENSITIVITY: Final = 0.98
"""Sensitivity that :data:`SCREENING` keeps at least, on every validation copy."""


def at_threshold(
    name: str, threshold: float, labels: ArrayLike, probabilities: ArrayLike
) -> OperatingPoint:
    """Return an operating point with its sensitivity and specificity on these images.

    Parameters
    ----------
    name
        Name of the operating point.
    threshold
        Least probability of the positive label; rounded to the decimals of the report.
    labels
        Shape (N,), 1 for the positive class and 0 for the negative one.
    probabilities
        Shape (N,).

    Raises
    ------
    ValueError
        A class is missing.
    """
    threshold = round(threshold, PROBABILITY_DECIMALS)
    positive, negative = by_class(labels, probabilities)
    return OperatingPoint(
        name,
        threshold,
        sensitivity=wilson(int((positive >= threshold).sum()), len(positive)),
        specificity=wilson(int((negative < threshold).sum()), len(negative)),
    )


def choose_operating_points(
    labels: ArrayLike, probabilities: ArrayLike, copies: Sequence[ArrayLike] = ()
) -> tuple[OperatingPoint, ...]:
    """Choose ``screening``, ``balanced`` and ``fixed-0.5`` on validation images.

    ``balanced`` maximizes sensitivity + specificity (Youden's index), on average over images and
    copies. ``screening`` is the highest threshold that keeps a sensitivity of at least
    :data:`SCREENING_SENSITIVITY` on the images and on each copy of them, and at most that of
    ``balanced``. ``fixed-0.5`` is 0.5. A threshold lies midway between two neighbouring scores.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class.
    probabilities
        Shape (N,), of the images as they are; the figures of the points are of these.
    copies
        Each of shape (N,): of changed copies of the same images, on which the points must hold too.

    Raises
    ------
    ValueError
        A class is missing.

    References
    ----------
    W. J. Youden: Index for rating diagnostic tests. Cancer 3, 1950.
    """
    scored = [by_class(labels, scores) for scores in (probabilities, *copies)]
    cuts = np.unique(np.concatenate([[0.0], *(np.concatenate(pair) for pair in scored)]))
    candidates = np.concatenate([[0.0], (cuts[:-1] + cuts[1:]) / 2])
    candidates = candidates.round(PROBABILITY_DECIMALS)
    sensitivity = np.stack(
        [
            1 - np.searchsorted(np.sort(positive), candidates) / len(positive)
            for positive, _ in scored
        ]
    )
    specificity = np.stack(
        [np.searchsorted(np.sort(negative), candidates) / len(negative) for _, negative in scored]
    )
    balanced = candidates[np.argmax((sensitivity + specificity).mean(axis=0))]
    kept = candidates[sensitivity.min(axis=0) >= SCREENING_SENSITIVITY].max()
    screening = min(kept, balanced)  # it must not miss more than ``balanced`` does
    return tuple(
        at_threshold(name, float(threshold), labels, probabilities)
        for name, threshold in ((SCREENING, screening), (BALANCED, balanced), (FIXED, 0.5))
    )
