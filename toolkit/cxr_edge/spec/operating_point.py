"""A named threshold of a model."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.validation import is_number, is_text

if TYPE_CHECKING:
    pass


PROBABILITY_DECIMALS: Final = 6
"""Probabilities and thresholds are compared and reported at this many decimals."""


@dataclass(frozen=True)
class OperatingPoint:
    """A named threshold: the positive label is given where probability >= threshold."""

    name: str
    """Name by which ``--operating-point`` asks for it."""
    threshold: float
    """Probability, rounded to 6 decimals."""
    sensitivity: Interval | None = None
    """Sensitivity on the validation images."""
    specificity: Interval | None = None
    """Specificity on the validation images."""

    def __post_init__(self) -> None:
        if not (is_text(self.name)):
            raise SpecInvalid(f"operating point: expected a name, got {self.name!r}")
        if not (is_number(self.threshold) and 0 <= self.threshold <= 1):
            raise SpecInvalid(
                f"operating point {self.name}: expected a threshold from 0 to 1, "
                f"got {self.threshold!r}"
            )
        rounded = round(float(self.threshold), PROBABILITY_DECIMALS)
        object.__setattr__(self, "threshold", rounded)
