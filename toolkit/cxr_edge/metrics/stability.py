"""Shift of a distribution from another one, by counts in the same bins."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS

TENTHS: Final = 10
"""Bins that :func:`deciles` divide probabilities into."""

_LEAST_COUNT: Final = 0.5
"""Images that an empty bin counts as, so that its logarithm is finite."""


def deciles(probabilities: ArrayLike) -> tuple[float, ...]:
    """Return the nine probabilities that divide N of them, shape (N,), into tenths.

    There are none where two of them would be equal: a tenth could not be told from the next.
    """
    values = np.quantile(np.asarray(probabilities), np.arange(1, TENTHS) / TENTHS)
    found = tuple(round(float(value), PROBABILITY_DECIMALS) for value in values)
    return found if len(set(found)) == len(found) else ()


def stability_index(here: Sequence[int], there: Sequence[int]) -> float:
    """Return the population stability index of counts in the same bins.

    It is the sum of (share here - share there) * ln(share here / share there) over the bins; 0
    where the shares are the same. Below 0.1 is commonly called no shift, above 0.25 a large one.
    Counts that are drawn from the shares there have an index near chi-square / N, with one degree
    of freedom less than bins.

    Parameters
    ----------
    here
        Counts of the N images that are compared, N of 1 or more.
    there
        Counts of those that they are compared with, or numbers in their proportions.

    References
    ----------
    B. Yurdakul and J. Naranjo: Statistical properties of the population stability index. Journal of
    Risk Model Validation 14 (4), 2020.
    """
    all_here, all_there = sum(here), sum(there)
    shares = (
        (max(one, _LEAST_COUNT) / all_here, max(other, _LEAST_COUNT) / all_there)
        for one, other in zip(here, there, strict=True)
    )
    return sum((one - other) * math.log(one / other) for one, other in shares)
