"""What probabilities are worth, given the truth: AUC, sensitivity, specificity, thresholds."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr_edge.provenance import Interval
from cxr_edge.spec import PROBABILITY_DECIMALS, OperatingPoint

SCREENING: Final = "screening"
"""Operating point that finds the most."""

BALANCED: Final = "balanced"
"""Operating point at which both classes count as much."""

STUDY: Final = "study"
"""Operating point 0.5, at which the study of 2021 compared its networks."""

SCREENING_SENSITIVITY: Final = 0.98
"""Sensitivity that :data:`SCREENING` keeps at least, on every validation copy."""

CALIBRATION_BINS: Final = 10
"""Equally wide bins of probability in which calibration is looked at."""

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
    return Interval(
        share, min(share, max(0.0, center - margin)), min(1.0, max(share, center + margin))
    )


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
    labels: ArrayLike, probabilities: ArrayLike, copies: Sequence[ArrayLike] = ()
) -> tuple[OperatingPoint, ...]:
    """Choose ``screening``, ``balanced`` and ``study`` on validation films.

    ``balanced`` maximises sensitivity + specificity (Youden), on average over films and copies.
    ``screening`` is the highest threshold up to that of ``balanced`` that keeps a sensitivity of
    at least :data:`SCREENING_SENSITIVITY` on the films and on each copy of them. ``study`` is 0.5.
    A threshold stands midway between the two scores that it parts.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class.
    probabilities
        Shape (N,), of the films as they are; the figures of the points are of these.
    copies
        Each of shape (N,): of changed copies of the same films, which the choice is to withstand.

    Raises
    ------
    ValueError
        A class is missing.
    """
    scored = [_by_class(labels, scores) for scores in (probabilities, *copies)]
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


def calibration_error(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the expected calibration error.

    The mean over the films of how far, in their bin of P(positive class), the mean probability is
    from the share of positives; Guo et al. bin the probability of the class that is given.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class.
    probabilities
        Shape (N,).

    References
    ----------
    C. Guo et al.: On calibration of modern neural networks. ICML 2017.
    """
    counts, means, shares = reliability(labels, probabilities)
    return float(np.sum(counts * np.abs(means - shares)) / counts.sum())


def reliability(
    labels: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return count, mean probability and share of positives of each bin that has films.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class.
    probabilities
        Shape (N,).

    Returns
    -------
    tuple of arrays
        Each of shape (B,), B at most :data:`CALIBRATION_BINS`: int64, float64, float64.
    """
    truth = np.asarray(labels) == 1
    scores = np.asarray(probabilities, np.float64)
    bins = np.minimum((scores * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS)
    used = counts > 0
    means = np.bincount(bins, scores, CALIBRATION_BINS)[used] / counts[used]
    shares = np.bincount(bins, truth, CALIBRATION_BINS)[used] / counts[used]
    return counts[used], means, shares


def logit(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return log(p / (1 - p)), with p kept a float32's smallest step from 0 and 1."""
    step = float(np.finfo(np.float32).eps)
    p = np.clip(np.asarray(probabilities, np.float64), step, 1 - step)
    return np.asarray(np.log(p / (1 - p)), np.float64)


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
