"""The agreement of two models' heat maps."""

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
    if reference is None or candidate is None:
        return None
    if reference.shape != candidate.shape or not np.isfinite(candidate).all():
        return 0.0
    first, second = (_without_means(maps) for maps in (reference, candidate))
    squares = float((first * first).sum()) * float((second * second).sum())
    if not squares:
        return float(not first.any() and not second.any())
    return float((first * second).sum() / np.sqrt(squares))


def _without_means(maps: NDArray[np.float32]) -> NDArray[np.float64]:
    values = maps.astype(np.float64)
    centred: NDArray[np.float64] = values - values.mean(axis=(1, 2), keepdims=True)
    return centred
