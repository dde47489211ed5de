"""The origin of a model: data, training and validation."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.json_fields import build, is_int, is_number, is_text, mapping, sequence
from cxr_edge.spec.teacher_overlap import TeacherOverlap, overlap_statement
from cxr_edge.spec.validation import (
    BY_FOLDS,
    MEASURED,
    Prior,
    StyleGroup,
    WorstGroup,
    auc_statement,
)

_OPTIONAL: Final = (
    "teachers", "unlabelled_images", "validated_by", "prior", "worst_group", "easy_auc", "groups",
    "teacher_overlap", "score_deciles",
)  # fmt: skip
"""Fields that the JSON leaves out where they say nothing, so that earlier versions read it."""


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
    """Share of the images held out; of the patients, where there is a :attr:`split_seed`; from each
    network, where there were folds."""
    training_films: int
    """Count of the training images."""
    training_patients: int
    """Count of the patients of the training images."""
    validation_films: int
    """Count of the validation images."""
    validation_patients: int
    """Count of the patients of the validation images."""
    validation_auc: Interval
    """Area under the ROC curve on the validation images; :attr:`headline` states it."""
    split_seed: int | None = None
    """Seed of a split by a hash of the patient alone, as earlier versions made it; None for models
    that list their images, and where the data set had a split of its own."""
    parameters: int | None = None
    """Count of the network's weights."""
    teachers: tuple[str, ...] = ()
    """Models whose probabilities it learned from, as ``name@sha256``; none for labels alone."""
    unlabelled_images: int = 0
    """Count of images without labels that it learned from the teachers."""
    validated_by: str | None = None
    """How it was validated, a key of :data:`cxr_edge.spec.validation.MEASURED`; None for models of
    earlier versions."""
    prior: Prior | None = None
    """Share of counter-style images that thresholds were chosen for; None for that in the data."""
    worst_group: WorstGroup | None = None
    """Group by appearance with the smallest validation AUC; None where that was not measured."""
    easy_auc: Interval | None = None
    """Validation AUC without counter-style images, about that of a random split; None where that
    was not measured."""
    groups: tuple[StyleGroup, ...] = ()
    """Validation figures of easy and of counter-style images, and of a worse cluster."""
    teacher_overlap: tuple[TeacherOverlap, ...] = ()
    """Teachers that learned from validation images, or from images that are not known."""
    score_deciles: tuple[float, ...] = ()
    """The nine probabilities that divide the validation images into tenths; none for models of
    earlier versions, or where two would be equal."""

    def __post_init__(self) -> None:
        checks: dict[object, Callable[[object], bool]] = {
            int: is_int,
            float: is_number,
            str: lambda value: isinstance(value, str),
            Interval: lambda value: isinstance(value, Interval),
            int | None: lambda value: value is None or is_int(value),
            str | None: lambda value: value is None or value in MEASURED,
            Prior | None: lambda value: value is None or isinstance(value, Prior),
            WorstGroup | None: lambda value: value is None or isinstance(value, WorstGroup),
            Interval | None: lambda value: value is None or isinstance(value, Interval),
            tuple[StyleGroup, ...]: lambda value: (
                isinstance(value, tuple) and all(isinstance(one, StyleGroup) for one in value)
            ),
            tuple[TeacherOverlap, ...]: lambda value: (
                isinstance(value, tuple) and all(isinstance(one, TeacherOverlap) for one in value)
            ),
            tuple[str, ...]: lambda value: isinstance(value, tuple) and all(map(is_text, value)),
            tuple[float, ...]: are_deciles,
        }
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not checks[field.type](value):
                raise SpecInvalid(f"provenance: {field.name} cannot be {value!r}")

    @property
    def out_of_fold(self) -> bool:
        """Whether the figures are those of networks that each lacked some patients."""
        return self.validated_by == BY_FOLDS

    @property
    def measured(self) -> str:
        """Words for how it was validated, to follow a figure."""
        return MEASURED[self.validated_by] if self.validated_by else "on the validation images"

    @property
    def headline(self) -> str:
        """The AUC as it is stated everywhere: of the worst group, with the easy one beside it.

        A reason to doubt it, as :attr:`caution`, follows.
        """
        area = auc_statement(self.validation_auc, self.worst_group, self.measured, self.easy_auc)
        return "; ".join(filter(None, (area, self.caution)))

    @property
    def caution(self) -> str:
        """Words on teachers for which the figures may be too good; empty without any."""
        return overlap_statement(self.teacher_overlap)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        known = {name: value for name, value in fields.items() if name not in _OPTIONAL or value}
        return {name: _ready(value) for name, value in known.items()}

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote; raises SpecInvalid for anything else."""
        fields = mapping(data, "provenance")
        if "teachers" in fields:
            fields["teachers"] = tuple(sequence(fields["teachers"], "provenance: teachers"))
        if "score_deciles" in fields:
            deciles = sequence(fields["score_deciles"], "provenance: score_deciles")
            fields["score_deciles"] = tuple(deciles)
        fields["validation_auc"] = Interval.from_dict(fields.get("validation_auc"))
        for name, kind in (
            ("prior", Prior),
            ("worst_group", WorstGroup),
            ("easy_auc", Interval),
        ):
            if fields.get(name) is not None:
                fields[name] = kind.from_dict(fields[name])
        groups = sequence(fields.get("groups", []), "provenance: groups")
        fields["groups"] = tuple(StyleGroup.from_dict(group) for group in groups)
        overlaps = sequence(fields.get("teacher_overlap", []), "provenance: teacher_overlap")
        fields["teacher_overlap"] = tuple(map(TeacherOverlap.from_dict, overlaps))
        return build(cls, fields, "provenance")


def are_deciles(value: object) -> bool:
    """Tell whether a value is none, or nine different probabilities in ascending order."""
    if not isinstance(value, tuple) or len(value) not in (0, 9):
        return False
    numbers = all(is_number(one) and 0 <= one <= 1 for one in value)
    return numbers and list(value) == sorted(set(value))


def _ready(value: Any) -> Any:  # Any: what JSON takes, and what makes it
    if isinstance(value, tuple):
        return [_ready(one) for one in value]
    return value.to_dict() if hasattr(value, "to_dict") else value
