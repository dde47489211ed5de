"""The rows of a report in the order in which a person should look at them."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

from cxr_edge.imaging.image import VERDICTS
from cxr_edge.reports.append_log import CsvKind, read_rows
from cxr_edge.reports.counts import ScanCounts
from cxr_edge.reports.distribution_shift import DistributionShift
from cxr_edge.spec.review_band import REVIEW
from cxr_edge.system.ranges import SHARE

MOST_ROWS: Final = 100_000
"""Rows that a page shows; the others are counted."""

BAND: Final = "band"
"""The review band withholds the label."""

CHECK: Final = "check"
"""The input check withholds it, wherever the probability lies."""

BINS: Final = 50
"""Bins of the histogram, of equal width from 0 to 1."""


class Group(IntEnum):
    """Groups of rows, in the order of the worklist."""

    POSITIVE = 0
    REVIEW = 1
    FLAGGED = 2
    OTHER = 3
    FAILED = 4


_SIDES: Final = (Group.OTHER, Group.POSITIVE)
"""Groups of the negative and of the positive label."""

_KEPT_FIRST: Final = (
    Group.POSITIVE, Group.REVIEW, Group.FAILED, Group.FLAGGED, Group.OTHER
)  # fmt: skip
"""Groups by how much would be lost with their rows, where there are more than a page shows."""


class Row(NamedTuple):
    """One row, as the page has it: a list in JSON, since there may be a hundred thousand."""

    group: Group
    """Group of the row."""
    path: str
    """Path in the report."""
    label: str
    """Label; empty for a file that failed."""
    probability: float | None
    """Probability of the positive class; None for a file that failed."""
    flags: str
    """Flags, separated by semicolons."""
    reason: str
    """Code of the failure."""
    detail: str
    """Sentence on the failure."""
    size: str
    """Columns and rows of the source: ``512 x 400``."""
    format: str
    """Format of the source."""
    sha256: str
    """SHA-256 of the file's bytes."""
    cause: str
    """Cause of the label review, :data:`BAND` or :data:`CHECK`; empty for another label."""


@dataclass
class Worklist:
    """Rows of a report in their order, and what they are in sum."""

    rows: list[Row] = field(default_factory=list)
    """Rows, :data:`MOST_ROWS` at most."""
    counts: ScanCounts = field(default_factory=ScanCounts)
    """Counts of all rows."""
    groups: dict[Group, int] = field(default_factory=lambda: dict.fromkeys(Group, 0))
    """Count of all rows by group."""
    causes: Counter[str] = field(default_factory=Counter)
    """Count of all rows labelled review by their cause."""
    labels: dict[Group, str] = field(default_factory=dict)
    """Label of the positive rows, and of the others, as far as it is known."""
    is_checked: bool = True
    """Whether the input check withholds labels."""
    threshold: str = ""
    """Threshold as it stands in the rows; empty where no image was scored."""
    below: list[int] = field(default_factory=lambda: [0] * BINS)
    """Scored images under the threshold, by bin of their probability."""
    above: list[int] = field(default_factory=lambda: [0] * BINS)
    """Scored images at or over it."""

    @property
    def left_out(self) -> int:
        """Count of rows that the page has no room for."""
        return self.counts.rows - len(self.rows)

    @classmethod
    def read(
        cls,
        kind: CsvKind,
        report: Path,
        *,
        labels: Sequence[str] = (),
        is_checked: bool = True,
        shift: DistributionShift | None = None,
    ) -> "Worklist":
        """Read a report.

        Parameters
        ----------
        kind
            Kind of the file, for messages.
        report
            Path of the file.
        labels
            Negative and positive label, if they are known.
        is_checked
            Whether images are labelled review that the input check says should not be scored.
        shift
            Comparison with the model's own images, to which the rows are added.

        Raises
        ------
        ReportError
            It cannot be read, or has a row that no scan wrote.
        """
        found = cls(counts=ScanCounts(shift=shift), is_checked=is_checked)
        if len(labels) == len(_SIDES):
            found.labels.update(zip(_SIDES, labels, strict=True))
        stream = read_rows(kind, report)
        next(stream, None)  # the header
        rows = found._taken(kind, report, (row for row, _ in stream))
        found.rows = heapq.nsmallest(MOST_ROWS, rows, key=_loss)
        found.rows.sort(key=lambda row: (row.group, -(row.probability or 0)))
        return found

    def _taken(self, kind: CsvKind, report: Path, rows: Iterable[list[str]]) -> Iterator[Row]:
        for number, cells in enumerate(rows, start=1):
            by_column = kind.named(cells)
            try:
                row = self._row(by_column)
            except ValueError as exc:
                raise kind.not_as_written(report, number, cells, str(exc)) from exc
            self.counts.add(by_column)
            self.groups[row.group] += 1
            if row.cause:
                self.causes[row.cause] += 1
            yield row

    def _row(self, row: Mapping[str, str]) -> Row:
        """Return a row of the page; raises ValueError for one that no scan wrote."""
        if row["status"] not in ("ok", "failed"):
            raise ValueError(f"status: expected ok or failed, got {row['status']!r:.40}")
        group, probability, cause = Group.FAILED, None, ""
        if row["status"] == "ok":
            probability, threshold = _share(row, "probability"), _share(row, "threshold")
            positive = probability >= threshold
            if row["label"] == REVIEW and REVIEW not in self.labels.values():  # or it is a class
                group, cause = Group.REVIEW, self._cause(row["flags"])
            elif positive:
                group = Group.POSITIVE
            else:
                group = Group.FLAGGED if row["flags"] else Group.OTHER
            if group != Group.REVIEW:
                self.labels.setdefault(Group.POSITIVE if positive else Group.OTHER, row["label"])
            self.threshold = self.threshold or row["threshold"]
            bins = self.above if positive else self.below
            bins[min(BINS - 1, int(BINS * probability))] += 1
        return Row(
            group,
            row["path"],
            row["label"],
            probability,
            row["flags"],
            row["reason"],
            row["detail"],
            f"{row['width']} x {row['height']}" if row["width"] else "",
            row["format"],
            row["sha256"],
            cause,
        )

    def _cause(self, flags: str) -> str:
        """Return why an image is labelled review."""
        should_not_be_scored = not VERDICTS.isdisjoint(flags.split(";"))
        return CHECK if self.is_checked and should_not_be_scored else BAND


def _share(row: Mapping[str, str], column: str) -> float:
    try:
        number = float(row[column])
    except ValueError:
        number = -1.0
    if number not in SHARE:
        raise ValueError(f"{column}: expected a number from 0 to 1, got {row[column]!r:.40}")
    return number


def _loss(row: Row) -> tuple[int, float]:
    """Return the key by which rows are kept, the smallest first."""
    return _KEPT_FIRST.index(row.group), -(row.probability or 0)
