"""Figures that have no interval in closed form, with bootstrap intervals by patient."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr_edge.metrics.calibration import CALIBRATION_BINS, bins_of, calibration_error
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS, OperatingPoint

RESAMPLES: Final = 1000
"""Bootstrap samples."""

_SEED: Final = 2021


@dataclass(frozen=True)
class Changes:
    """Candidate minus reference on the same labelled images, 95 % intervals."""

    images: int
    """Count of images with a label."""
    auc: Interval | None
    """Change of the area under the ROC curve; None where a class has no labelled image."""
    sensitivity: dict[str, Interval]
    """Change of the sensitivity by operating point; empty without positives."""
    specificity: dict[str, Interval]
    """Change of the specificity by operating point; empty without negatives."""


def paired_changes(
    labels: ArrayLike,
    reference: ArrayLike,
    candidate: ArrayLike,
    patients: Sequence[str],
    points: Sequence[OperatingPoint],
) -> Changes:
    """Return the changes of the figures from a reference to a candidate.

    Patients, not images, are drawn with replacement, and both sets of scores use the same draw,
    since images of one patient are alike, and so are scores of one image.

    Parameters
    ----------
    labels
        Labels of shape (N,): 1 for the positive class, 0 for the negative, else unknown.
    reference, candidate
        Probabilities of shape (N,), compared at the decimals of the report.
    patients
        Patient of each of the N images.
    points
        Operating points.

    Returns
    -------
    Changes
        Figures for which there are labelled images.

    References
    ----------
    B. Efron, R. J. Tibshirani: An introduction to the bootstrap. Chapman & Hall (1993), section
    13.3 (percentile intervals).
    """
    truth = np.asarray(labels)
    known = (truth == 0) | (truth == 1)
    truth = truth[known] == 1
    scores = [np.asarray(s, np.float64)[known].round(PROBABILITY_DECIMALS)
              for s in (reference, candidate)]  # fmt: skip
    classes = [members for members in (truth, ~truth) if members.any()]
    if not classes:
        return Changes(0, None, {}, {})
    weights = _draws([name for name, keep in zip(patients, known, strict=True) if keep])
    usable = np.all([weights[:, members].sum(1) > 0 for members in classes], axis=0)
    weights = np.vstack(
        [np.ones(len(truth)), weights[usable]]
    )  # the first row is the sample itself
    areas = [_areas(score[truth], score[~truth], weights[:, truth], weights[:, ~truth])
             for score in scores] if len(classes) == 2 else None  # fmt: skip
    found = {
        kind: {
            point.name: _interval(*(
                _shares((score >= point.threshold) == (kind == "sensitivity"), weights, members)
                for score in scores
            ))
            for point in points
            if members.any()
        }
        for kind, members in (("sensitivity", truth), ("specificity", ~truth))
    }  # fmt: skip
    area = _interval(*areas) if areas else None
    return Changes(len(truth), area, found["sensitivity"], found["specificity"])


def calibration_interval(
    labels: ArrayLike, probabilities: ArrayLike, patients: Sequence[str]
) -> Interval:
    """Return the expected calibration error with its 95 % interval; patients are drawn.

    A sample drawn with replacement is a little worse calibrated than the images themselves, so the
    interval reaches further up than down.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class; N is at least 1.
    probabilities
        Shape (N,).
    patients
        Patient of each of the N images.
    """
    truth, scores = np.asarray(labels) == 1, np.asarray(probabilities, np.float64)
    inside = bins_of(scores)[:, np.newaxis] == np.arange(CALIBRATION_BINS)
    weights = _draws(patients)
    # In a bin, count x |mean probability - share of positives| is |sum of probability - truth|.
    gaps = np.abs((weights * (scores - truth)) @ inside).sum(1) / weights.sum(1)
    value = calibration_error(truth, scores)
    low, high = (float(bound) for bound in np.quantile(gaps, (0.025, 0.975)))
    return Interval(value, min(low, value), max(high, value))


def _draws(patients: Sequence[str]) -> NDArray[np.float64]:
    """Return how often each image is drawn in each sample, shape (samples, N)."""
    _, index = np.unique(np.asarray(patients, dtype=object).astype(str), return_inverse=True)
    count = int(index.max()) + 1
    rng = np.random.default_rng(_SEED)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    return drawn[:, index].astype(np.float64)


def _areas(
    positive: NDArray[np.float64],
    negative: NDArray[np.float64],
    of_positive: NDArray[np.float64],
    of_negative: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the area under the ROC curve for each row of weights, ties counting half."""
    order = np.argsort(negative, kind="stable")
    ranked = negative[order]
    below = np.pad(np.cumsum(of_negative[:, order], axis=1), ((0, 0), (1, 0)))
    left = np.searchsorted(ranked, positive, "left")
    right = np.searchsorted(ranked, positive, "right")
    wins = (below[:, left] + below[:, right]) / 2
    pairs = of_positive.sum(1) * of_negative.sum(1)
    return np.asarray((of_positive * wins).sum(1) / pairs, np.float64)


def _shares(
    right: NDArray[np.bool_], weights: NDArray[np.float64], members: NDArray[np.bool_]
) -> NDArray[np.float64]:
    inside = weights[:, members]
    return np.asarray(inside @ right[members] / inside.sum(1), np.float64)


def _interval(reference: NDArray[np.float64], candidate: NDArray[np.float64]) -> Interval:
    change = candidate - reference
    value = float(change[0])
    low, high = (float(bound) for bound in np.quantile(change[1:], (0.025, 0.975)))
    return Interval(value, min(low, value), max(high, value))
