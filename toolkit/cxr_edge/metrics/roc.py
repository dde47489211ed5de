"""The area under the ROC curve, with its interval."""

import math
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr_edge.spec.interval import Interval
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS

Z95: Final = NormalDist().inv_cdf(0.975)
"""Quantile of the normal distribution for a 95 % interval."""


def auc(labels: ArrayLike, probabilities: ArrayLike) -> Interval:
    """Return the area under the ROC curve with DeLong's 95 % interval.

    The area is the share of pairs of a positive and a negative that are ranked correctly; a tie
    counts half. Images of one patient count as independent, so the interval is somewhat too narrow
    where patients have several images.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class.
    probabilities
        Shape (N,).

    Raises
    ------
    ValueError
        A class is missing.

    References
    ----------
    E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson: Comparing the areas under two or more
    correlated receiver operating characteristic curves. Biometrics 44 (1988).
    """
    positive, negative = by_class(labels, probabilities)
    # Structural components: how each image of one class stands against all of the other.
    order = np.sort(negative)
    below = np.searchsorted(order, positive, "left") + np.searchsorted(order, positive, "right")
    v_positive = below / (2 * len(negative))
    order = np.sort(positive)
    above = np.searchsorted(order, negative, "left") + np.searchsorted(order, negative, "right")
    v_negative = 1 - above / (2 * len(positive))
    area = float(v_positive.mean())
    variance = sum(
        float(component.var(ddof=1)) / len(component) if len(component) > 1 else 0.0
        for component in (v_positive, v_negative)
    )
    margin = Z95 * math.sqrt(variance)
    return Interval(area, max(0.0, area - margin), min(1.0, area + margin))


def by_class(
    labels: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probabilities of the positives and of the negatives.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class and 0 for the negative one; others are left out.
    probabilities
        Shape (N,); rounded to the decimals of the report.

    Returns
    -------
    positive, negative
        float64 of shapes (P,) and (M,), each with at least one.

    Raises
    ------
    ValueError
        The lists are not equally long, or a class is missing.
    """
    truth = np.asarray(labels)
    scores = np.asarray(probabilities, np.float64).round(PROBABILITY_DECIMALS)
    if truth.shape != scores.shape or truth.ndim != 1:
        raise ValueError(f"expected two equally long lists, got {truth.shape} and {scores.shape}")
    positive, negative = scores[truth == 1], scores[truth == 0]
    if not len(positive) or not len(negative):
        raise ValueError("expected images of both classes, got one class only")
    return positive, negative
