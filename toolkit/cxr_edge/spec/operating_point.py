"""A named threshold of a model."""

from dataclasses import dataclass
from typing import Any, Final, Self

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.json_fields import build, is_number, is_text, mapping

PROBABILITY_DECIMALS: Final = 6
"""Decimals at which probabilities and thresholds are compared and reported."""


@dataclass(frozen=True)
class OperatingPoint:
    """A named threshold: the positive label is given where probability >= threshold."""

    name: str
    """Name by which ``--operating-point`` asks for it."""
    threshold: float
    """Probability, rounded to 6 decimals."""
    sensitivity: Interval | None = None
    """Sensitivity on the validation images, weighted where the model has a prior."""
    specificity: Interval | None = None
    """Specificity on the validation images, weighted where the model has a prior."""

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
