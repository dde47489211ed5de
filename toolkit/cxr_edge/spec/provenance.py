"""The origin of a model: data, training and validation."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.json_fields import build, is_int, is_number, is_text, mapping, sequence


@dataclass(frozen=True)
class Provenance:
    """The origin of a model: enough to repeat its training and to judge its figures."""

    architecture: str
    """Name in the registry of architectures."""
    data: str
    """The training set, its source and license."""
    data_sha256: str
    """SHA-256 over the sorted SHA-256 digests of the files used."""
    command: str
    """The command that trained it."""
    seed: int
    """Seed of the initial weights, the sampling and the augmentation."""
    validation_fraction: float
    """Share of the images held out; of the patients, where there is a :attr:`split_seed`."""
    training_films: int
    """Count of the training images."""
    training_patients: int
    """Count of the patients of the training images."""
    validation_films: int
    """Count of the validation images."""
    validation_patients: int
    """Count of the patients of the validation images."""
    validation_auc: Interval
    """Area under the ROC curve on the validation images."""
    split_seed: int | None = None
    """Seed of a split by a hash of the patient alone, as earlier versions made it; None for models
    that list their images, and where the data set had a split of its own."""
    parameters: int | None = None
    """Count of the network's weights."""
    teachers: tuple[str, ...] = ()
    """Models whose probabilities it learned from, as ``name@sha256``; none for labels alone."""
    unlabelled_images: int = 0
    """Count of images without labels that it learned from the teachers."""

    def __post_init__(self) -> None:
        checks: dict[object, Callable[[object], bool]] = {
            int: is_int,
            float: is_number,
            str: lambda value: isinstance(value, str),
            Interval: lambda value: isinstance(value, Interval),
            int | None: lambda value: value is None or is_int(value),
            tuple[str, ...]: lambda value: isinstance(value, tuple) and all(map(is_text, value)),
        }
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not checks[field.type](value):
                raise SpecInvalid(f"provenance: {field.name} cannot be {value!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        data = dataclasses.asdict(self) | {"teachers": list(self.teachers)}
        # Specs of models without teachers stay readable for earlier versions.
        optional = ("teachers", "unlabelled_images")
        return {name: value for name, value in data.items() if value or name not in optional}

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote; raises SpecInvalid for anything else."""
        fields = mapping(data, "provenance")
        if "teachers" in fields:
            fields["teachers"] = tuple(sequence(fields["teachers"], "provenance: teachers"))
        fields["validation_auc"] = Interval.from_dict(fields.get("validation_auc"))
        return build(cls, fields, "provenance")
