"""Where a model comes from, and how its figures are given: estimates with intervals."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.validation import is_int, is_number


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
    """Images trained on."""
    training_patients: int
    """Patients they are of."""
    validation_films: int
    """Images held out."""
    validation_patients: int
    """Patients they are of."""
    validation_auc: Interval
    """Area under the ROC curve on the images held out."""
    split_seed: int | None = None
    """Seed of the split by patient; None where the images said their split themselves."""
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
