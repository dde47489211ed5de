"""A figure with its confidence interval."""

from dataclasses import dataclass

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.validation import is_number


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % confidence interval."""

    value: float
    """Point estimate."""
    low: float
    """Lower bound."""
    high: float
    """Upper bound."""

    def __post_init__(self) -> None:
        if not (is_number(self.value) and is_number(self.low) and is_number(self.high)):
            raise SpecInvalid(f"interval: expected three finite numbers, got {self!r}")
        if not self.low <= self.value <= self.high:
            raise SpecInvalid(f"interval: expected low <= value <= high, got {self!r}")

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"
