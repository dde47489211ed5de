"""Where a model comes from, and how its figures are given: estimates with intervals."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

from cxr_edge.errors import SpecInvalid
from cxr_edge.text import printable


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
            raise SpecInvalid(f"interval: expected three finite numbers, came {self!r}")
        if not self.low <= self.value <= self.high:
            raise SpecInvalid(f"interval: expected low <= value <= high, came {self!r}")

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from: enough to repeat its training and to judge its figures."""

    architecture: str
    """Name in the registry of architectures."""
    data: str
    """The training set, its source and licence."""
    data_sha256: str
    """SHA-256 over the sorted SHA-256 digests of the files used."""
    command: str
    """The command that trained it."""
    seed: int
    """Seed of the initial weights, the sampling and the augmentation."""
    validation_fraction: float
    """Share of the patients held out by :attr:`split_seed`."""
    training_films: int
    """Films trained on."""
    training_patients: int
    """Patients they are of."""
    validation_films: int
    """Films held out."""
    validation_patients: int
    """Patients they are of."""
    validation_auc: Interval
    """Area under the ROC curve on the films held out."""
    split_seed: int | None = None
    """Seed of the split by patient; None where the films said their split themselves."""
    parameters: int | None = None
    """Count of the network's weights."""

    def __post_init__(self) -> None:
        checks: dict[object, Callable[[object], bool]] = {
            int: is_int,
            float: is_number,
            str: lambda value: isinstance(value, str),
            Interval: lambda value: isinstance(value, Interval),
            int | None: lambda value: value is None or is_int(value),
        }
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not checks[field.type](value):
                raise SpecInvalid(f"provenance: {field.name} cannot be {value!r}")


def is_int(value: object) -> bool:
    """Tell whether a value is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Tell whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_text(value: object) -> bool:
    """Tell whether a value is text with something in it that stands in a report as it is."""
    return (
        isinstance(value, str)
        and bool(value.strip())
        and value.isprintable()
        and printable(value) == value
    )
