"""A proportion with its interval, and the sample that tells it from a limit."""

import math
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from cxr_edge.metrics.roc import Z95
from cxr_edge.spec.interval import Interval

MOST: Final = 1_000_000
"""Largest sample that :func:`sample_to_tell` names."""

_TAIL: Final = 0.025
"""Probability beyond each end of a 95 % interval."""


def wilson(count: float, total: float) -> Interval:
    """Return ``count / total`` with Wilson's 95 % score interval.

    Both are whole numbers, or those of an effective sample.

    Raises
    ------
    ValueError
        ``total`` is not positive, or ``count`` is outside of 0 to ``total``.

    References
    ----------
    E. B. Wilson: Probable inference, the law of succession, and statistical inference.
    Journal of the American Statistical Association 22 (1927).
    """
    share, z2 = _share(count, total), Z95**2
    center = (share + z2 / (2 * total)) / (1 + z2 / total)
    margin = Z95 / (1 + z2 / total) * math.sqrt(
        share * (1 - share) / total + z2 / (4 * total**2)
    )  # fmt: skip
    return Interval(
        share, min(share, max(0.0, center - margin)), min(1.0, max(share, center + margin))
    )


def weighted_share(hits: ArrayLike, weights: ArrayLike) -> Interval:
    """Return the weighted share of hits with Wilson's 95 % interval of the effective sample.

    Parameters
    ----------
    hits
        Shape (N,), true for a hit.
    weights
        Shape (N,), none negative and some positive.

    Raises
    ------
    ValueError
        No weight is positive.

    References
    ----------
    L. Kish: Survey sampling, 1965: N cases of unequal weights tell as much as (sum of weights)^2 /
    (sum of their squares) of equal ones.
    """
    weight = np.asarray(weights, np.float64)
    total = float(weight.sum())
    if not total > 0:
        raise ValueError("expected a positive weight, got none")
    effective = max(1.0, total**2 / float((weight**2).sum()))
    share = min(1.0, float(weight[np.asarray(hits, bool)].sum()) / total)
    return wilson(share * effective, effective)


def clopper_pearson(count: int, total: int) -> Interval:
    """Return ``count / total`` with the exact 95 % binomial interval.

    It never claims more than the sample shows, where Wilson's is too narrow for one case in a few
    dozen; so gates are judged by this one.

    Raises
    ------
    ValueError
        ``total`` is not positive, or ``count`` is outside of 0 to ``total``.

    References
    ----------
    C. J. Clopper, E. S. Pearson: The use of confidence or fiducial limits illustrated in the case
    of the binomial. Biometrika 26 (1934).
    """
    return Interval(_share(count, total), _low(count, total), 1 - _low(total - count, total))


def sample_to_tell(count: int, total: int, limit: float) -> float:
    """Return the least sample of a share that tells it from a limit.

    Parameters
    ----------
    count, total
        Cases and trials that were seen; more trials are taken to have as many cases for each.
    limit
        Proportion to tell the share from, from 0 to 1.

    Returns
    -------
    float
        Count of trials, at least ``total``, whose exact 95 % interval
        (:func:`clopper_pearson`) is on one side of the limit; infinite above :data:`MOST`.

    Raises
    ------
    ValueError
        ``total`` is not positive, or ``count`` is outside of 0 to ``total``.
    """
    share = _share(count, total)
    if share < limit:
        return sample_to_tell(total - count, total, 1 - limit)
    if share == limit:
        return math.inf
    if limit <= 0:
        return total

    def trials(cases: int) -> int:  # the least with no larger share than was seen
        return -(-cases * total // count)

    def tells(cases: int) -> bool:
        return _fewer(cases, trials(cases))(limit) >= 1 - _TAIL

    enough = count
    while not tells(enough):
        enough *= 2
        if trials(enough) > 2 * MOST:
            return math.inf
    near = bisect_left(range(enough), True, lo=count, key=tells)
    uneven = math.ceil(1 / (share - limit))  # whole trials make a few cases more tell less
    least = next(filter(tells, range(max(count, near - uneven), near)), near)
    return trials(least) if trials(least) <= MOST else math.inf


def _share(count: float, total: float) -> float:
    if not 0 <= count <= total or total < 1:
        raise ValueError(f"expected 0 <= count <= total and total >= 1, got {count} of {total}")
    return count / total


def _low(count: int, total: int) -> float:
    """Return the share at which so many cases or more are as rare as 2.5 %."""
    if not count:
        return 0.0
    fewer = _fewer(count, total)
    low, high = 0.0, count / total
    while (share := (low + high) / 2) not in (low, high):
        low, high = (low, share) if fewer(share) < 1 - _TAIL else (share, high)
    return low


def _fewer(count: int, total: int) -> Callable[[float], float]:
    """Return the probability of fewer cases than ``count``, as a function of their share."""
    cases = np.arange(count)
    ways = np.concatenate(([0.0], np.cumsum(np.log((total - cases[1:] + 1) / cases[1:]))))

    def probability(share: float) -> float:
        log = ways + cases * math.log(share) + (total - cases) * math.log1p(-share)
        return float(np.exp(log).sum())

    return probability
