"""Weights of images for another share of counter-style ones than the data have."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def prior_weights(
    labels: ArrayLike, counter: ArrayLike, share: float
) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """Weigh images so that counter-style ones have ``share`` of the weight of their class.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class and 0 for the negative one.
    counter
        Shape (N,), true for an image that looks like the other class.
    share
        Share of them in each class, 0 to 1.

    Returns
    -------
    weights
        Shape (N,); those of a class add up to its count of images.
    unweighted
        Labels of the classes that keep equal weights, because they have no counter-style image or
        no other.
    """
    truth, odd = np.asarray(labels), np.asarray(counter, bool)
    weights, unweighted = np.ones(len(truth)), []
    for label in (0, 1):
        kinds = [(truth == label) & kind for kind in (odd, ~odd)]
        if not all(kind.any() for kind in kinds):
            unweighted.append(label)
            continue
        for kind, part in zip(kinds, (share, 1 - share), strict=True):
            weights[kind] = part * (truth == label).sum() / kind.sum()
    return weights, tuple(unweighted)
