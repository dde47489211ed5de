"""Verdict on a limit: exceeded for sure, or with too few images to say so."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cxr_edge.metrics.proportions import clopper_pearson, sample_to_tell
from cxr_edge.spec.interval import Interval


class Verdict(StrEnum):
    """Result of a comparison."""

    PASSED = "passed"
    """Nothing exceeds its limit."""
    INCONCLUSIVE = "inconclusive"
    """Something exceeds its limit, by so little that the images are too few to tell."""
    FAILED = "failed"
    """Something exceeds its limit for sure."""

    @property
    def cell(self) -> str:
        """The verdict in a table, where a failure must be seen."""
        return self.upper() if self is Verdict.FAILED else str(self)

    @classmethod
    def of(cls, mismatches: Sequence[str], undecided: Sequence[str]) -> "Verdict":
        """Return the verdict on what was found."""
        if mismatches:
            return cls.FAILED
        return cls.INCONCLUSIVE if undecided else cls.PASSED


@dataclass(frozen=True)
class Excess:
    """A limit that the sample exceeds."""

    text: str
    """Value and limit, with numbers."""
    interval: str = ""
    """Interval of the value, where these images are too few to be sure."""
    images: float = 0.0
    """Count of images that would tell the value from the limit, if it stays as it is; 0 where these
    images are enough."""

    @property
    def certain(self) -> bool:
        """Whether these images are enough."""
        return not self.images

    def __str__(self) -> str:
        if self.certain:
            return self.text
        wanted = _about(self.images)
        return f"{self.text}; 95 % interval {self.interval}; {wanted} images like these would tell"


def excess_of_share(text: str, count: int, total: int, limit: float) -> Excess:
    """Return the excess of a share over its limit, judged by the exact binomial interval.

    Parameters
    ----------
    text
        Value and limit, with numbers.
    count, total
        Images that exceed and all images; the share exceeds ``limit``.
    limit
        Largest share allowed, from 0 to 1; 0 is exceeded for sure.
    images
        Count of images of which the share is.
    """
    share = clopper_pearson(count, total)
    if not limit or share.low > limit:
        return Excess(text)
    return Excess(text, f"{share.low:.2%} to {share.high:.2%}", sample_to_tell(count, total, limit))


def excess_of_loss(text: str, change: Interval, limit: float, images: int) -> Excess:
    """Return the excess of a loss over its limit, judged by the interval of the change.

    Parameters
    ----------
    text
        Value and limit, with numbers.
    change
        Change with its 95 % interval; ``change.value`` is below ``-limit``.
    limit
        Largest loss allowed, at least 0; 0 is exceeded for sure.
    images
        Count of images of which the change is.
    """
    if not limit or change.high < -limit:
        return Excess(text)
    distance = -limit - change.value
    return Excess(
        text,
        f"{change.low:+.4f} to {change.high:+.4f}",
        images * ((change.high - change.value) / distance) ** 2,  # it narrows as 1 / sqrt(images)
    )


def verdict_of(findings: Any) -> Verdict:  # Any: JSON
    """Return the verdict in a ``parity.json``; before version 4 there was ``passed`` alone."""
    passed = Verdict.PASSED if findings["passed"] else Verdict.FAILED
    return Verdict(findings.get("verdict", passed))


def _about(images: float) -> str:
    """Return a count with two digits."""
    if images > 1e6:
        return "more than a million"
    digits = max(0, math.floor(math.log10(images)) - 1)
    return f"about {math.ceil(images / 10**digits) * 10**digits:,}"
