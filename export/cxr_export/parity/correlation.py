"""The agreement of two models' heat maps, and of their feature vectors."""

import numpy as np
from numpy.typing import NDArray


def map_correlation(
    reference: NDArray[np.float32] | None, candidate: NDArray[np.float32] | None
) -> float | None:
    """Return the correlation of heat maps, once each has lost its mean, which is the logit.

    Parameters
    ----------
    reference, candidate
        Maps of the same images, shape (N, h, w); None where a model gives none.

    Returns
    -------
    float or None
        Pearson's coefficient over all places of all images, -1 to 1; 0 where the shapes differ, a
        value is no number, or only one of them varies within images. None where a model gives no
        maps.
    """
    return _correlation(reference, candidate, (1, 2))


def feature_correlation(
    reference: NDArray[np.float32] | None, candidate: NDArray[np.float32] | None
) -> float | None:
    """Return the correlation of feature vectors.

    Parameters
    ----------
    reference, candidate
        Features of the same images, shape (N, d); None where a model gives none.

    Returns
    -------
    float or None
        Pearson's coefficient over all features of all images, as in :func:`map_correlation`.
    """
    return _correlation(reference, candidate, None)


def _correlation(
    reference: NDArray[np.float32] | None,
    candidate: NDArray[np.float32] | None,
    axes: tuple[int, ...] | None,
) -> float | None:
    """Return Pearson's coefficient once both have lost their means over some axes, all for None."""
    if reference is None or candidate is None:
        return None
    if reference.shape != candidate.shape or not np.isfinite(candidate).all():
        return 0.0
    first, second = (
        values - values.mean(axis=axes, keepdims=True)
        for values in (given.astype(np.float64) for given in (reference, candidate))
    )
    squares = float((first * first).sum()) * float((second * second).sum())
    if not squares:
        return float(not first.any() and not second.any())
    return float((first * second).sum() / np.sqrt(squares))
