"""What probabilities are worth, given the truth: AUC, sensitivity, specificity, thresholds."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from cxr_edge.metrics.proportions import wilson
from cxr_edge.metrics.roc import by_class
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS, OperatingPoint

SCREENING: Final = "screening"
"""Operating point that finds the most."""

BALANCED: Final = "balanced"
"""Operating point at which both classes count as much."""

STUDY: Final = "study"
"""Operating point 0.5, at which the study of 2021 compared its networks."""

SCREENING_SENSITIVITY: Final = 0.98
"""Sensitivity that :data:`SCREENING` keeps at least, on every validation copy."""


def at_threshold(
    name: str, threshold: float, labels: ArrayLike, probabilities: ArrayLike
) -> OperatingPoint:
    """Return an operating point with its sensitivity and specificity on these images.

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
    """Choose ``screening``, ``balanced`` and ``study`` on validation images.

    ``balanced`` maximises sensitivity + specificity (Youden), on average over images and copies.
    ``screening`` is the highest threshold up to that of ``balanced`` that keeps a sensitivity of
    at least :data:`SCREENING_SENSITIVITY` on the images and on each copy of them. ``study`` is 0.5.
    A threshold stands midway between the two scores that it parts.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class.
    probabilities
        Shape (N,), of the images as they are; the figures of the points are of these.
    copies
        Each of shape (N,): of changed copies of the same images, which the choice is to withstand.

    Raises
    ------
    ValueError
        A class is missing.
    """
    scored = [by_class(labels, scores) for scores in (probabilities, *copies)]
    ladder = np.unique(np.concatenate([[0.0], *(np.concatenate(pair) for pair in scored)]))
    candidates = np.concatenate([[0.0], (ladder[:-1] + ladder[1:]) / 2])
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
    screening = min(kept, balanced)  # what finds the most must not miss more than what is balanced
    return tuple(
        at_threshold(name, float(threshold), labels, probabilities)
        for name, threshold in ((SCREENING, screening), (BALANCED, balanced), (STUDY, 0.5))
    )
