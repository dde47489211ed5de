"""Shift of a distribution of probabilities from that of the validation images."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS

_TENTHS: Final = 10

_LEAST_COUNT: Final = 0.5
"""Images that an empty bin counts as, so that its logarithm is finite."""


def deciles(probabilities: ArrayLike) -> tuple[float, ...]:
    """Return the nine probabilities that divide N of them, shape (N,), into tenths.

    There are none where two of them would be equal: a tenth could not be told from the next.
    """
    values = np.quantile(np.asarray(probabilities), np.arange(1, _TENTHS) / _TENTHS)
    found = tuple(round(float(value), PROBABILITY_DECIMALS) for value in values)
    return found if len(set(found)) == len(found) else ()


def stability_index(deciles: Sequence[float], probabilities: ArrayLike) -> float:
    """Return the population stability index of probabilities.

    It is the sum of (share here - share there) * ln(share here / share there) over the tenths of
    the validation images; 0 where the shares are the same. Below 0.1 is commonly called no shift,
    above 0.25 a large one.

    Parameters
    ----------
    deciles
        The nine probabilities of :func:`deciles`, all different.
    probabilities
        Shape (N,), N of 1 or more.

    References
    ----------
    B. Yurdakul and J. Naranjo: Statistical properties of the population stability index. Journal of
    Risk Model Validation 14 (4), 2020.
    """
    given = np.asarray(probabilities)
    counts = np.bincount(np.searchsorted(deciles, given, side="right"), minlength=_TENTHS)
    here, there = np.maximum(counts, _LEAST_COUNT) / len(given), 1 / _TENTHS
    return float(((here - there) * np.log(here / there)).sum())
