"""A proportion with Wilson's interval."""

import math

from cxr_edge.metrics.roc import Z95
from cxr_edge.spec.interval import Interval


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
