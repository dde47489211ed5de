"""Limits of the probabilities at which a label is sure enough, by split-conformal prediction."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def least_images(coverage: float) -> int:
    """Return the images of a class and group from which a coverage can be promised."""
    return math.ceil(1 / (1 - coverage) - 1 - 1e-9)


def conformal_limits(
    labels: ArrayLike, scores: ArrayLike, groups: ArrayLike, coverage: float
) -> tuple[float, float]:
    """Return the limits below which an image is hardly positive, and above which hardly negative.

    At most a share of ``1 - coverage`` of new positive images of any group, exchangeable with those
    given, lies below the lower limit; the same holds for negative ones above the upper limit.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class and 0 for the negative one.
    scores
        Shape (N,), of images that the network did not learn from.
    groups
        Shape (N,), number of the group of each image. A class in a group with fewer than
        :func:`least_images` counts only among all images of the class.
    coverage
        Share of images to keep right, between 0 and 1.

    Returns
    -------
    low, high
        The limits. The lower one may lie above the other.

    Raises
    ------
    ValueError
        A class has too few images.

    References
    ----------
    V. Vovk: Conditional validity of inductive conformal predictors. ACML 2012. The limits are those
    of a label-conditional (Mondrian) predictor; here also conditional on the group.
    """
    truth, values, parts = np.asarray(labels), np.asarray(scores, np.float64), np.asarray(groups)
    least = least_images(coverage)
    limits = []
    for label, sign in ((1, 1), (0, -1)):
        of_class = truth == label
        if of_class.sum() < least:
            raise ValueError(f"expected {least} images of class {label}, got {of_class.sum()}")
        members = [of_class, *(of_class & (parts == part) for part in np.unique(parts))]
        enough = [inside for inside in members if inside.sum() >= least]
        limits.append(sign * min(_lower(sign * values[inside], coverage) for inside in enough))
    return limits[0], limits[1]


def _lower(values: NDArray[np.float64], coverage: float) -> float:
    """Return the value that a new one is below with a probability of at most 1 - coverage."""
    below = math.floor((len(values) + 1) * (1 - coverage) + 1e-9)
    return float(np.sort(values)[below - 1])
