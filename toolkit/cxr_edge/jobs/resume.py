"""Finding out how much of a report is there, and whether it can be continued."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final

from cxr_edge.errors import ImageError, ReportError
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.reports.append_log import catch_up, is_begun
from cxr_edge.reports.counts import FIRST_FAILED, Counts
from cxr_edge.reports.csv_report import REPORT, shown
from cxr_edge.reports.manifest import read_begun
from cxr_edge.reports.run_identity import differences
from cxr_edge.storage.read_file import read_file
from cxr_edge.system.printable import printable

_SAMPLE: Final = 3
"""First rows whose files are read again, in any case."""

_MOST: Final = 1000
"""Files that are read again at most: where clocks differ, all of a million can seem newer."""

_SLACK: Final = 2.0
"""Seconds that the clocks of two machines, and the times of a file system, may be off."""


@dataclass
class Changed:
    """Files that have other bytes than their rows tell of."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    """Paths of the first :data:`cxr_edge.reports.counts.FIRST_FAILED`."""
    read: int = 0
    """Files that were looked at."""

    def look(self, row: Mapping[str, str], item: ImageItem) -> None:
        """Read a file, and count it where it has other bytes."""
        self.read += 1
        if not _differs(row, item):
            return
        self.count += 1
        if len(self.first) < FIRST_FAILED:
            self.first.append(printable(item.path))


@dataclass(frozen=True)
class Standing:
    """What there is of a report."""

    kept: int = 0
    """Bytes of its whole rows; 0 where it is not begun."""
    counts: Counts = field(default_factory=Counts)
    """Of those rows."""
    begun: str | None = None
    """When, ISO 8601; None where it is not."""


def find_report(job: ScanJob, items: Iterator[ImageItem], changed: Changed) -> Standing:
    """Return how much there is of the report, and write nothing.

    Afterwards ``items`` are at the first file that it lacks. One row at a time is in memory.

    Parameters
    ----------
    job
        What is to be scanned.
    items
        The files; as many are taken as there are rows.
    changed
        Counts the files that have other bytes than their row tells of, as far as that is looked at:
        the first :data:`_SAMPLE`, and those newer than the beginning of the report, :data:`_MOST`
        in all.

    Raises
    ------
    ReportError
        It is no report, was made by something else, or of other files.
    """
    if not is_begun(REPORT, job.out):
        return Standing()
    begun = _check_identity(job)
    newest = datetime.fromisoformat(begun).timestamp() + _SLACK
    counts = Counts()

    def take(row: Mapping[str, str], item: ImageItem) -> None:
        _check_row(job, row)
        counts.add(row)
        newer = changed.read < _MOST and _modified(item) > newest
        if counts.rows <= _SAMPLE or newer:
            changed.look(row, item)
        if counts.rows == _SAMPLE:
            _refuse_others(job, counts, changed)

    kept = catch_up(REPORT, job.out, items, take)
    if counts.rows < _SAMPLE:
        _refuse_others(job, counts, changed)
    return Standing(kept, counts, begun)


def _differs(row: Mapping[str, str], item: ImageItem) -> bool:
    """Tell whether a file has other bytes than its row tells of."""
    if not row["sha256"]:  # it could not be read
        return False
    try:
        sha256 = hashlib.sha256(read_file(item.file)).hexdigest()
    except ImageError:
        sha256 = ""
    return sha256 != row["sha256"]


def _refuse_others(job: ScanJob, counts: Counts, changed: Changed) -> None:
    if counts.rows and changed.count == counts.rows:
        raise REPORT.refused(
            job.out,
            f"cannot be continued: {', '.join(changed.first)} have other bytes than those "
            "that were scanned; the folders are others, or all of it was changed",
        )


def _modified(item: ImageItem) -> float:
    try:
        return os.stat(item.where).st_mtime  # noqa: PTH116  (a million times)
    except OSError:
        return 0.0


def _check_identity(job: ScanJob) -> str:
    """Return when the report was begun."""
    identity, begun = read_begun(job.out)
    if changed := differences(asdict(identity), asdict(job.identity)):
        raise _begun_otherwise(job, changed)
    return begun


def _check_row(job: ScanJob, row: Mapping[str, str]) -> None:
    """Refuse a row of another scan: the manifest may have come to be that of another report."""
    now = {"model": job.model.tag}
    if row["threshold"]:  # a file that failed has none
        now["threshold"] = shown(job.decision.threshold)
    if changed := differences(row, now):
        raise _begun_otherwise(job, changed)


def _begun_otherwise(job: ScanJob, changed: str) -> ReportError:
    return REPORT.refused(job.out, f"was begun otherwise and cannot be continued: {changed}")
