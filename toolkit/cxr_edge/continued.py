"""Finding out how much of a report is there, and whether it can be continued."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from cxr_edge.discover import ImageItem
from cxr_edge.errors import ReportError
from cxr_edge.job import ScanJob
from cxr_edge.manifest import FIRST_FAILED, Counts, read_begun
from cxr_edge.report import COLUMNS, CsvReport, named, read_rows
from cxr_edge.text import printable

_ASK_FRESH: Final = "; --fresh begins anew and keeps the old report under a new name"

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
    rows = read_rows(job.out) if job.out.exists() else iter(())
    header = next(rows, None)
    if header is None:
        if job.out.exists() and not ",".join(COLUMNS).encode().startswith(_head(job.out)):
            raise ReportError(f"{job.out} exists and is no report of cxr scan{_ASK_FRESH}")
        return CsvReport.open(job.out, job.model.tag), None
    if tuple(header[0]) != COLUMNS:
        raise ReportError(f"{job.out} exists and has other columns{_ASK_FRESH}")
    begun = _check_identity(job)
    newest = datetime.fromisoformat(begun).timestamp() + _SLACK
    counts, kept = Counts(), header[1]
    for row, kept in rows:  # noqa: B007  (where the last one ends)
        item = _match(job, row, next(items, None))
        counts.add(named(row))
        if _modified(item) > newest:
            changed.add(item)
    return CsvReport.open(job.out, job.model.tag, kept, counts), begun


def _modified(item: ImageItem) -> float:
    try:
        return os.stat(item.where).st_mtime  # noqa: PTH116  (a million times)
    except OSError:
        return 0.0


def _match(job: ScanJob, row: Sequence[str], item: ImageItem | None) -> ImageItem:
    came = "nothing" if item is None else printable(item.path)
    if item is None or came != row[0]:
        raise ReportError(
            f"{job.out} cannot be continued: its next row is {row[0]}, the folders have "
            f"{came} there: files were added, removed or renamed{_ASK_FRESH}"
        )
    return item


def _check_identity(job: ScanJob) -> str:
    """Return when the report was begun."""
    identity, begun = read_begun(job.out)
    before, now = asdict(identity), asdict(job.identity)
    changed = [
        f"{key.replace('_', ' ')} was {before[key]}, now {now[key]}"
        for key in now
        if before[key] != now[key]
    ]
    if changed:
        raise ReportError(
            f"{job.out} was begun otherwise and cannot be continued: "
            f"{'; '.join(changed)}{_ASK_FRESH}"
        )
    return begun


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(",".join(COLUMNS)) + 1)
