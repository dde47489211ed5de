"""Counts of the rows of a report or mapping."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cxr_edge.imaging.image import VERDICTS

if TYPE_CHECKING:
    from cxr_edge.reports.distribution_shift import DistributionShift

ENOUGH: Final = 20
"""Number of scored images that do not have one probability by chance."""

FIRST_FAILED: Final = 5
"""Number of failed files that the summary names; the report names all of them."""


_NO_COUNTS: Final = ("shift", "first_details", "alike")
"""Fields of :class:`ScanCounts` that are not among the counts of a manifest."""


@dataclass
class Counts:
    """Counts of rows, with no name of a file in them."""

    rows: int = 0
    """Files taken."""
    ok: int = 0
    """Files that were scored or converted."""
    failed: int = 0
    """Files that were not."""
    flagged: int = 0
    """Files with status ``ok`` that have one flag or more."""
    flags: Counter[str] = field(default_factory=Counter)
    """Files with status ``ok`` by flag."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Failed files by reason."""

    def add(self, row: Mapping[str, str]) -> None:
        """Count one row, given by column."""
        self.rows += 1
        if row["status"] != "ok":
            self.failed += 1
            self.reasons[row["reason"]] += 1
            return
        self.ok += 1
        if row["flags"]:
            self.flagged += 1
            self.flags.update(row["flags"].split(";"))


@dataclass
class ScanCounts(Counts):
    """Counts of a report's rows, which have labels and may be named."""

    labels: Counter[str] = field(default_factory=Counter)
    """Scored files by label."""
    should_not_be_scored: int = 0
    """Scored files with a flag of :data:`cxr_edge.imaging.image.VERDICTS`."""
    first_failed: list[str] = field(default_factory=list)
    """Paths of the first :data:`FIRST_FAILED` failed files."""
    first_details: dict[str, str] = field(default_factory=dict)
    """Detail of the first failed file by reason."""
    alike: Counter[str] = field(default_factory=Counter)
    """Failed files with the detail of the first, by reason."""
    only_probability: str = ""
    """Probability that all scored files have, as in their rows; empty where they differ."""
    shift: "DistributionShift | None" = None
    """Comparison with the images that the model was validated on, a section of its own in the
    manifest; None for a model that has nothing to compare with."""

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON-ready data."""
        return {name: count for name, count in vars(self).items() if name not in _NO_COUNTS}

    @property
    def causes(self) -> dict[str, str]:
        """Details that more failed files have than the summary names, by reason."""
        return {
            reason: self.first_details[reason]
            for reason, count in sorted(self.alike.items())
            if count > FIRST_FAILED
        }

    @property
    def is_constant(self) -> bool:
        """Whether all scored files have one probability, and are so many that this is a fault."""
        return self.ok >= ENOUGH and self.only_probability != ""

    @property
    def constant(self) -> str:
        """Warning of such a fault."""
        return (
            f"all {self.ok} scored images have the same probability, {self.only_probability}: "
            "unless they are copies of one image, check the end of the network and the scale and "
            "offset in its spec"
        )

    def add(self, row: Mapping[str, str]) -> None:
        """Count one row, given by column."""
        super().add(row)
        if self.shift:
            self.shift.add(row)
        if row["status"] == "ok":
            self.labels[row["label"]] += 1
            self.should_not_be_scored += not VERDICTS.isdisjoint(row["flags"].split(";"))
            if self.ok == 1:
                self.only_probability = row["probability"]
            elif row["probability"] != self.only_probability:
                self.only_probability = ""
            return
        reason, detail = row["reason"], row["detail"]
        self.alike[reason] += self.first_details.setdefault(reason, detail) == detail
        if len(self.first_failed) < FIRST_FAILED:
            self.first_failed.append(row["path"])
