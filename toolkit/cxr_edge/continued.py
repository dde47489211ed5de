"""Finding out how much of a report is there, and whether it can be continued."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final

from cxr_edge.discover import ImageItem
from cxr_edge.job import ScanJob
from cxr_edge.journal import catch_up, is_begun
from cxr_edge.manifest import FIRST_FAILED, Counts, differences, read_begun
from cxr_edge.report import REPORT, CsvReport
from cxr_edge.text import printable

_SLACK: Final = 2.0
"""Seconds that the clocks of two machines, and the times of a file system, may be off."""


@dataclass
class Changed:
    """Files whose bytes are newer than the report: their rows are of the older ones."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    """Paths of the first :data:`cxr_edge.manifest.FIRST_FAILED`."""

    def add(self, item: ImageItem) -> None:
        """Count one."""
        self.count += 1
        if len(self.first) < FIRST_FAILED:
            self.first.append(printable(item.path))


def open_report(
    job: ScanJob, items: Iterator[ImageItem], changed: Changed
) -> tuple[CsvReport, str | None]:
    """Return the report to append to, and when it was begun where an earlier run did.

    The rows that it has are counted in the report's counts; ``items`` are then at the first that it
    lacks. One row at a time is in memory.

    Parameters
    ----------
    job
        What is to be scanned.
    items
        The files; as many are taken as there are rows.
    changed
        Counts the files that were changed since their row was written, by their times.

    Raises
    ------
    ReportError
        It is no report, was made by something else, or of other files.
    """
    if not is_begun(REPORT, job.out):
        return CsvReport.open(job.out, job.model.tag), None
    begun = _check_identity(job)
    newest = datetime.fromisoformat(begun).timestamp() + _SLACK
    counts = Counts()

    def take(row: Mapping[str, str], item: ImageItem) -> None:
        counts.add(row)
        if _modified(item) > newest:
            changed.add(item)

    kept = catch_up(REPORT, job.out, items, take)
    return CsvReport.open(job.out, job.model.tag, kept, counts), begun


def _modified(item: ImageItem) -> float:
    try:
        return os.stat(item.where).st_mtime  # noqa: PTH116  (a million times)
    except OSError:
        return 0.0


def _check_identity(job: ScanJob) -> str:
    """Return when the report was begun."""
    identity, begun = read_begun(job.out)
    if changed := differences(asdict(identity), asdict(job.identity)):
        raise REPORT.refused(job.out, f"was begun otherwise and cannot be continued: {changed}")
    return begun
