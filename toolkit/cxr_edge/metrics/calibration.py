"""Calibration of probabilities: expected error and reliability bins."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

CALIBRATION_BINS: Final = 10
"""Count of equally wide bins of probability."""


def calibration_error(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the expected calibration error.

    In each bin the mean probability is compared with the share of positives; the error is the mean
    of the absolute differences, weighted by images. The bins are of P(positive class), where Guo et
    al. bin the probability of the predicted class.

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
    """Return count, mean probability and share of positives of each bin that has images.

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
    bins = bins_of(scores)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS)
    used = counts > 0
    means = np.bincount(bins, scores, CALIBRATION_BINS)[used] / counts[used]
    shares = np.bincount(bins, truth, CALIBRATION_BINS)[used] / counts[used]
    return counts[used], means, shares


def bins_of(probabilities: ArrayLike) -> NDArray[np.int64]:
    """Return the bin of each probability, from 0; the last one holds 1 too.

    Parameters
    ----------
    probabilities
        Shape (N,).

    Returns
    -------
    ndarray
        int64 of shape (N,).
    """
    numbers = (np.asarray(probabilities, np.float64) * CALIBRATION_BINS).astype(np.int64)
    return np.minimum(numbers, CALIBRATION_BINS - 1)


def reliability_by_count(
    labels: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Return count, mean probability and count of positives of bins with about as many images each.

    Bins of equal width are nearly empty between 0 and 1, where most networks give few scores. Equal
    scores are never parted, so bins can be fewer and larger. There is a bin for every
    :data:`CALIBRATION_BINS` images, :data:`CALIBRATION_BINS` at most.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class; N is at least 1.
    probabilities
        Shape (N,).

    Returns
    -------
    tuple of arrays
        Each of shape (B,), by rising probability: int64, float64, int64.
    """
    truth = np.asarray(labels) == 1
    scores = np.asarray(probabilities, np.float64)
    wanted = min(CALIBRATION_BINS, max(1, len(scores) // CALIBRATION_BINS))
    edges = np.quantile(scores, np.arange(1, wanted) / wanted)
    bins = np.searchsorted(edges, scores, "right")
    counts = np.bincount(bins, minlength=wanted)
    used = counts > 0
    means = np.bincount(bins, scores, wanted)[used] / counts[used]
    return counts[used], means, np.bincount(bins[truth], minlength=wanted)[used]


def logit(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return log(p / (1 - p)), with p kept a float32's smallest step from 0 and 1.

    Parameters
    ----------
    probabilities
        Any shape.

    Returns
    -------
    ndarray
        float64 of the same shape.
    """
    step = float(np.finfo(np.float32).eps)
    p = np.clip(np.asarray(probabilities, np.float64), step, 1 - step)
    return np.asarray(np.log(p / (1 - p)), np.float64)


def probability(logits: ArrayLike) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-x)), the inverse of :func:`logit`, for any size of x.

    Parameters
    ----------
    logits
        Any shape.

    Returns
    -------
    ndarray
        float64 of the same shape.
    """
    return np.asarray((1 + np.tanh(np.asarray(logits, np.float64) / 2)) / 2, np.float64)
