"""Operating points: thresholds chosen on labelled images, with sensitivity and specificity."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr_edge.metrics.proportions import weighted_share, wilson
from cxr_edge.metrics.roc import by_class
from cxr_edge.spec.operating_point import (
    BALANCED,
    FIXED,
    PROBABILITY_DECIMALS,
    SCREENING,
    SCREENING_SENSITIVITY,
    OperatingPoint,
)

PREVALENCES: Final = (0.05, 0.2, 0.5)
"""Shares of positive images for which predictive values are stated: rare, common, and as many as
negative ones."""


def at_threshold(
    name: str,
    threshold: float,
    labels: ArrayLike,
    probabilities: ArrayLike,
    weights: ArrayLike | None = None,
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
    weights
        Shape (N,), what each image counts; equal by default.

    Raises
    ------
    ValueError
        A class is missing.
    """
    threshold = round(threshold, PROBABILITY_DECIMALS)
    positive, negative = by_class(labels, probabilities)
    rates = []
    for label, right in ((1, positive >= threshold), (0, negative < threshold)):
        if weights is None:
            rates.append(wilson(int(right.sum()), len(right)))
        else:
            rates.append(weighted_share(right, _of_class(label, labels, weights)))
    return OperatingPoint(name, threshold, sensitivity=rates[0], specificity=rates[1])


def choose_operating_points(
    labels: ArrayLike,
    probabilities: ArrayLike,
    copies: Sequence[ArrayLike] = (),
    weights: ArrayLike | None = None,
    keep: float = SCREENING_SENSITIVITY,
) -> tuple[OperatingPoint, ...]:
    """Choose ``screening``, ``balanced`` and ``fixed-0.5`` on validation images.

    ``balanced`` maximizes sensitivity + specificity (Youden's index), on average over images and
    copies. ``screening`` is the highest threshold that keeps a sensitivity of at least ``keep`` on
    the images and on each copy of them, and at most that of ``balanced``. ``fixed-0.5`` is 0.5. A
    threshold lies midway between two neighbouring scores.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class.
    probabilities
        Shape (N,), of the images as they are; the figures of the points are of these.
    copies
        Each of shape (N,): of changed copies of the same images, on which the points must hold too.
    weights
        Shape (N,), what each image counts in sensitivity and specificity; equal by default. A class
        has a positive total.
    keep
        Sensitivity of ``screening``, 0 to 1.

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
    counted = np.ones(np.shape(labels)) if weights is None else weights
    of_positives, of_negatives = (_of_class(label, labels, counted) for label in (1, 0))
    sensitivity = np.stack(
        [1 - _share_below(candidates, positive, of_positives) for positive, _ in scored]
    )
    specificity = np.stack(
        [_share_below(candidates, negative, of_negatives) for _, negative in scored]
    )
    balanced = candidates[np.argmax((sensitivity + specificity).mean(axis=0))]
    kept = candidates[sensitivity.min(axis=0) >= keep].max()
    screening = min(kept, balanced)  # it must not miss more than ``balanced`` does
    return tuple(
        at_threshold(name, float(threshold), labels, probabilities, weights)
        for name, threshold in ((SCREENING, screening), (BALANCED, balanced), (FIXED, 0.5))
    )


def predictive_values(
    sensitivity: float, specificity: float, prevalence: float
) -> tuple[float | None, float | None]:
    """Return the PPV and the NPV that are expected at a prevalence, by Bayes' theorem.

    Parameters
    ----------
    sensitivity, specificity
        Rates of an operating point, 0 to 1.
    prevalence
        Share of positive images, 0 to 1.

    Returns
    -------
    ppv, npv
        Shares of right labels among the positive and among the negative ones; None where no image
        gets that label.
    """
    right, missed = sensitivity * prevalence, (1 - sensitivity) * prevalence
    spared, false = specificity * (1 - prevalence), (1 - specificity) * (1 - prevalence)
    return (
        right / (right + false) if right + false else None,
        spared / (spared + missed) if spared + missed else None,
    )


def _of_class(label: int, labels: ArrayLike, weights: ArrayLike) -> NDArray[np.float64]:
    counted: NDArray[np.float64] = np.asarray(weights, np.float64)[np.asarray(labels) == label]
    return counted


def _share_below(
    candidates: NDArray[np.float64], scores: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weighted share of scores below each candidate."""
    order = np.argsort(scores, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(weights[order])])
    return np.asarray(below[np.searchsorted(scores[order], candidates)] / below[-1], np.float64)
