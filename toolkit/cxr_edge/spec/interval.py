"""An estimate with its confidence interval."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.json_fields import build, is_number, mapping


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

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote; raises SpecInvalid for anything else."""
        return build(cls, mapping(data, "interval"), "interval")
