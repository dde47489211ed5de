"""What probabilities are worth, given the truth: AUC, sensitivity, specificity, thresholds."""

import math
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr_edge.spec import PROBABILITY_DECIMALS, Interval, OperatingPoint

SCREENING_SENSITIVITY: Final = 0.985
"""Sensitivity on validation that the operating point ``screening`` keeps at least."""

_Z95: Final = NormalDist().inv_cdf(0.975)


def auc(labels: ArrayLike, probabilities: ArrayLike) -> Interval:
    """Return the area under the ROC curve with DeLong's 95 % interval.

    The area is the share of pairs of a positive and a negative that are ranked rightly, ties
    counting half. Films of one patient are taken as independent, so with several films a
    patient the interval is somewhat too narrow.

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
    positive, negative = _by_class(labels, probabilities)
    # Structural components: how each film of one class stands against all of the other.
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
    margin = _Z95 * math.sqrt(variance)
    return Interval(area, max(0.0, area - margin), min(1.0, area + margin))


def wilson(count: int, total: int) -> Interval:
    """Return ``count / total`` with Wilson's 95 % score interval.

    Raises
    ------
    ValueError
        ``total`` is not positive, or ``count`` is outside of 0 to ``total``.

    References
    ----------
    E. B. Wilson: Probable inference, the law of succession, and statistical inference.
    Journal of the American Statistical Association 22 (1927).
    """
    if not 0 <= count <= total or total < 1:
        raise ValueError(f"expected 0 <= count <= total and total >= 1, came {count} of {total}")
    share, z2 = count / total, _Z95**2
    center = (share + z2 / (2 * total)) / (1 + z2 / total)
    margin = _Z95 / (1 + z2 / total) * math.sqrt(
        share * (1 - share) / total + z2 / (4 * total**2)
    )  # fmt: skip
    return Interval(share, min(share, max(0.0, center - margin)), max(share, center + margin))


def at_threshold(
    name: str, threshold: float, labels: ArrayLike, probabilities: ArrayLike
) -> OperatingPoint:
    """Return an operating point with its sensitivity and specificity on these films.

    Raises
    ------
    ValueError
        A class is missing.
    """
    threshold = round(threshold, PROBABILITY_DECIMALS)
    positive, negative = _by_class(labels, probabilities)
    return OperatingPoint(
        name,
        threshold,
        sensitivity=wilson(int((positive >= threshold).sum()), len(positive)),
        specificity=wilson(int((negative < threshold).sum()), len(negative)),
    )


def choose_operating_points(
    labels: ArrayLike, probabilities: ArrayLike
) -> tuple[OperatingPoint, ...]:
    """Choose ``screening``, ``balanced`` and ``study`` on validation films.

    ``screening`` is the highest threshold that keeps a sensitivity of at least
    :data:`SCREENING_SENSITIVITY`; ``balanced`` maximises sensitivity + specificity (Youden);
    ``study`` is 0.5. A threshold stands midway between the two scores that it parts.

    Raises
    ------
    ValueError
        A class is missing.
    """
    positive, negative = _by_class(labels, probabilities)
    ladder = np.unique(np.concatenate([[0.0], positive, negative]))
    candidates = np.concatenate([[0.0], (ladder[:-1] + ladder[1:]) / 2])
    candidates = candidates.round(PROBABILITY_DECIMALS)
    sensitivity = 1 - np.searchsorted(np.sort(positive), candidates, "left") / len(positive)
    specificity = np.searchsorted(np.sort(negative), candidates, "left") / len(negative)
    screening = candidates[sensitivity >= SCREENING_SENSITIVITY].max()
    balanced = candidates[np.argmax(sensitivity + specificity)]
    return tuple(
        at_threshold(name, float(threshold), labels, probabilities)
        for name, threshold in (("screening", screening), ("balanced", balanced), ("study", 0.5))
    )


def _by_class(
    labels: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probabilities of the positives and of the negatives."""
    truth = np.asarray(labels)
    scores = np.asarray(probabilities, np.float64).round(PROBABILITY_DECIMALS)
    if truth.shape != scores.shape or truth.ndim != 1:
        raise ValueError(f"expected two equally long lists, came {truth.shape} and {scores.shape}")
    positive, negative = scores[truth == 1], scores[truth == 0]
    if not len(positive) or not len(negative):
        raise ValueError("expected films of both classes, came one class only")
    return positive, negative
