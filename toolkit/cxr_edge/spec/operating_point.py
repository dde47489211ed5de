"""A named threshold of a model."""

from dataclasses import dataclass
from typing import Any, Final, Self

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.json_fields import build, is_number, is_text, mapping

PROBABILITY_DECIMALS: Final = 6
"""Decimals at which probabilities and thresholds are compared and reported."""

SCREENING: Final = "screening"
"""Name of the operating point that keeps a given sensitivity, and misses no more than
:data:`BALANCED` does."""

BALANCED: Final = "balanced"
"""Name of the operating point with the largest sum of sensitivity and specificity (Youden)."""

FIXED: Final = "fixed-0.5"
"""Name of the operating point at threshold 0.5, whatever the scores are."""

USELESS: Final = 0.5
"""Rate below which a threshold is close to useless: it is wrong on most images of a class."""

SCREENING_SENSITIVITY: Final = 0.98
"""Sensitivity that :data:`SCREENING` keeps at least on every validation copy, unless told."""


@dataclass(frozen=True)
class OperatingPoint:
    """A named threshold: the positive label is given where probability >= threshold."""

    name: str
    """Name by which ``--operating-point`` asks for it."""
    threshold: float
    """Probability, rounded to 6 decimals."""
    sensitivity: Interval | None = None
    """Sensitivity on the validation images, weighted where the model has a prior; on the images of
    the site in a spec that a site check wrote."""
    specificity: Interval | None = None
    """Specificity on the same images, weighted likewise."""

    def __post_init__(self) -> None:
        if not is_text(self.name):
            raise SpecInvalid(f"operating point: expected a name, got {self.name!r}")
        if not (is_number(self.threshold) and 0 <= self.threshold <= 1):
            raise SpecInvalid(
                f"operating point {self.name}: expected a threshold from 0 to 1, "
                f"got {self.threshold!r}"
            )
        rounded = round(float(self.threshold), PROBABILITY_DECIMALS)
        object.__setattr__(self, "threshold", rounded)

    def useless_rate(self, labels: tuple[str, str]) -> str:
        """Return words on the rate that makes it close to useless; empty where none does.

        The whole interval of such a rate is below :data:`USELESS`.

        Parameters
        ----------
        labels
            Names of the negative and the positive class.
        """
        negative, positive = labels
        for name, rate, label in (
            ("sensitivity", self.sensitivity, positive),
            ("specificity", self.specificity, negative),
        ):
            if rate and rate.high < USELESS:
                return (
                    f"the {name} is {rate}, with its whole interval below {USELESS:g}, so most "
                    f"{label} images"
                )
        return ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        return {
            "name": self.name,
            "threshold": self.threshold,
            "sensitivity": self.sensitivity.to_dict() if self.sensitivity else None,
            "specificity": self.specificity.to_dict() if self.specificity else None,
        }

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote; raises SpecInvalid for anything else."""
        fields = mapping(data, "operating_points")
        for name in ("sensitivity", "specificity"):
            if fields.get(name) is not None:
                fields[name] = Interval.from_dict(fields[name])
        return build(cls, fields, "operating_points")
