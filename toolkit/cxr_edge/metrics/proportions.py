"""A proportion with its interval, and the sample that tells it from a limit."""

import math
from typing import Final

import numpy as np

from cxr_edge.metrics.roc import Z95
from cxr_edge.spec.interval import Interval

_MANY: Final = 1_000_000
"""Trials beyond which nobody counts."""


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
        raise ValueError(f"expected 0 <= count <= total and total >= 1, got {count} of {total}")
    share, z2 = count / total, Z95**2
    center = (share + z2 / (2 * total)) / (1 + z2 / total)
    margin = Z95 / (1 + z2 / total) * math.sqrt(
        share * (1 - share) / total + z2 / (4 * total**2)
    )  # fmt: skip
    return Interval(
        share, min(share, max(0.0, center - margin)), min(1.0, max(share, center + margin))
    )


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
    if not 0 <= count <= total or total < 1:
        raise ValueError(f"expected 0 <= count <= total and total >= 1, got {count} of {total}")
    return Interval(count / total, _low(count, total), 1 - _low(total - count, total))


def _low(count: int, total: int) -> float:
    """Return the share at which so many cases or more are as rare as 2.5 %."""
    if not count:
        return 0.0
    cases = np.arange(count, total + 1)
    ways = np.array(
        [-math.lgamma(case + 1) - math.lgamma(total - case + 1) for case in cases.tolist()]
    ) + math.lgamma(total + 1)
    low, high = 0.0, count / total
    while (share := (low + high) / 2) not in (low, high):
        log = ways + cases * math.log(share) + (total - cases) * math.log1p(-share)
        low, high = (low, share) if np.exp(log).sum() > 0.025 else (share, high)
    return low


def sample_to_exceed(share: float, limit: float, total: int) -> float:
    """Return the sample from which a share's exact 95 % interval lies above a limit.

    Parameters
    ----------
    share
        Proportion, above ``limit``.
    limit
        Proportion to tell it from, above 0 and below 1.
    total
        Trials whose interval holds the limit; more are needed.

    Returns
    -------
    float
        Count of trials; infinite where a million are too few.
    """
    few, many = total, 2 * total
    while not _is_rare(round(share * many), many, limit):
        few, many = many, 2 * many
        if few > _MANY:
            return math.inf
    while many - few > 1:
        middle = (few + many) // 2
        rare = _is_rare(round(share * middle), middle, limit)
        few, many = (few, middle) if rare else (middle, many)
    return many


def _is_rare(count: int, total: int, share: float) -> bool:
    """Return whether so many cases or more are rarer than 2.5 % at a share."""
    cases = np.arange(1, count)
    steps = np.log((total - cases + 1) / cases) + math.log(share) - math.log1p(-share)
    log = total * math.log1p(-share) + np.concatenate([[0.0], np.cumsum(steps)])
    return bool(1 - np.exp(log).sum() < 0.025)


def sample_to_tell(share: float, limit: float) -> float:
    """Return the sample from which a share's 95 % interval (Wilson's) no longer holds a limit.

    Parameters
    ----------
    share
        Proportion, from 0 to 1.
    limit
        Proportion to tell it from, from 0 to 1.

    Returns
    -------
    float
        Count of trials; infinite where share and limit are the same.
    """
    if share == limit:
        return math.inf
    return Z95**2 * limit * (1 - limit) / (share - limit) ** 2
