"""Figures of a model's validation: how it was done, and what it found by appearance."""

from dataclasses import dataclass
from typing import Any, Final, Self

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.json_fields import build, is_int, is_number, is_text, mapping, sequence
from cxr_edge.spec.operating_point import OperatingPoint

BY_PATIENTS: Final = "patients"
BY_STYLES: Final = "styles"
BY_FOLDS: Final = "folds"
BY_DATA_SET: Final = "split of the data set"

MEASURED: Final = {
    BY_PATIENTS: "on images of other patients",
    BY_STYLES: "on images of other patients, among them all that look like the other class",
    BY_FOLDS: "by networks that did not see the patient; the shipped network saw all images",
    BY_DATA_SET: "on the validation images of the data set",
}
"""How a model was validated to the words for it."""

NOT_MEASURED: Final = "not measured on images that look like the other class"
"""Said beside every AUC that has no figures by appearance."""

TOO_FEW: Final = "too few images look like the other class for a figure of their own"
"""Said beside figures by appearance that lack the one that matters most."""


@dataclass(frozen=True)
class Prior:
    """The share of counter-style images that thresholds and calibration were chosen for."""

    share: float
    """Share of each class that a deployment is expected to have of them, 0 to 1."""
    points_without: tuple[OperatingPoint, ...]
    """Thresholds that equal weights would have given, on the same probabilities."""
    unweighted: tuple[str, ...] = ()
    """Classes whose images kept equal weights, because they lack one of the two kinds."""

    def __post_init__(self) -> None:
        if not (is_number(self.share) and 0 <= self.share <= 1):
            raise SpecInvalid(f"prior: expected a share from 0 to 1, got {self.share!r}")
        if not all(is_text(name) for name in self.unweighted):
            raise SpecInvalid(f"prior: expected names of classes, got {self.unweighted!r}")

    def __str__(self) -> str:
        return f"weighted for a share of {self.share:g} of counter-style images"

    def weighs(self, name: str) -> bool:
        """Tell whether the images of the class called ``name`` have different weights."""
        return name not in self.unweighted

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        points = [point.to_dict() for point in self.points_without]
        return {
            "share": self.share,
            "points_without": points,
            "unweighted": list(self.unweighted),
        }

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote; raises SpecInvalid for anything else."""
        fields = mapping(data, "prior")
        points = sequence(fields.get("points_without"), "prior: points_without")
        fields["points_without"] = tuple(OperatingPoint.from_dict(point) for point in points)
        fields["unweighted"] = tuple(sequence(fields.get("unweighted", []), "prior: unweighted"))
        return build(cls, fields, "prior")


@dataclass(frozen=True)
class WorstGroup:
    """The group of one appearance with the smallest AUC."""

    name: str
    """Name of the group."""
    auc: Interval
    """Its images of one class against all images of the other."""
    counter_style: bool = True
    """Whether there were enough images that look like the other class for an AUC of their own."""

    def __post_init__(self) -> None:
        if not isinstance(self.counter_style, bool):
            raise SpecInvalid(f"worst group: expected true or false, got {self.counter_style!r}")
        if not is_text(self.name):
            raise SpecInvalid(f"worst group: expected a name, got {self.name!r}")
        if not isinstance(self.auc, Interval):
            raise SpecInvalid(f"worst group: expected an AUC, got {self.auc!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        return {
            "name": self.name,
            "auc": self.auc.to_dict(),
            "counter_style": self.counter_style,
        }

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote; raises SpecInvalid for anything else."""
        fields = mapping(data, "worst group")
        fields["auc"] = Interval.from_dict(fields.get("auc"))
        return build(cls, fields, "worst group")


@dataclass(frozen=True)
class StyleGroup:
    """Validation figures of the images of one appearance."""

    name: str
    """Name of the group."""
    negatives_auc: Interval | None
    """AUC of its negative images against all positive ones; None for too few."""
    positives_auc: Interval | None
    """AUC of its positive images against all negative ones; None for too few."""
    tp: int
    """Count of true positives at the default operating point."""
    fn: int
    """Count of false negatives."""
    tn: int
    """Count of true negatives."""
    fp: int
    """Count of false positives."""
    calibration_error: float
    """Expected calibration error."""

    def __post_init__(self) -> None:
        counts = (self.tp, self.fn, self.tn, self.fp)
        if not (is_text(self.name) and all(is_int(count) and count >= 0 for count in counts)):
            raise SpecInvalid(f"groups: expected a name and four counts, got {self!r}")
        if not is_number(self.calibration_error):
            raise SpecInvalid(f"groups: expected a number, got {self.calibration_error!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        areas = {"negatives_auc": self.negatives_auc, "positives_auc": self.positives_auc}
        return vars(self) | {name: area.to_dict() if area else None for name, area in areas.items()}

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote; raises SpecInvalid for anything else."""
        fields = mapping(data, "groups")
        for name in ("negatives_auc", "positives_auc"):
            if fields.get(name) is not None:
                fields[name] = Interval.from_dict(fields[name])
        return build(cls, fields, "groups")


def auc_statement(
    overall: Interval, worst: WorstGroup | None, measured: str, easy: Interval | None = None
) -> str:
    """Return an AUC as it is stated everywhere: never the easy one alone.

    Parameters
    ----------
    overall
        AUC of all images that were scored.
    worst
        Group of one appearance with the smallest AUC; None where that was not measured.
    measured
        Words for the images: on which, or by what.
    easy
        AUC without the images that look like the other class, where it is known.
    """
    if worst is None:
        return f"AUC {overall} {measured}; {NOT_MEASURED}"
    beside = f", {easy} without counter-style images" if easy else ""
    few = "" if worst.counter_style else f"; {TOO_FEW}"
    return (
        f"AUC {worst.auc} for the worst group by appearance ({worst.name}), {overall} for all "
        f"images{beside}{few}; measured {measured}"
    )
