"""The check that a report's rows are of the files that there are now."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from cxr_edge.errors import ImageError
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.reports.append_log import CsvKind
from cxr_edge.reports.counts import FIRST_FAILED
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.storage.read_file import read_file
from cxr_edge.system.printable import printable

_SAMPLE: Final = 3
"""First rows whose files are read again in any case."""

_MOST: Final = 1000
"""Files that are read again at most: where clocks differ, all of a million can seem newer."""

_SLACK: Final = 2.0
"""Seconds that the clocks of two machines, and the times of a file system, may be off."""


@dataclass
class ChangedFiles:
    """Files whose bytes differ from those that their rows were made from.

    Read again are the files of the first :data:`_SAMPLE` rows, and those that are newer than the
    report, :data:`_MOST` in all.
    """

    report: Path | str
    """Path of the report."""
    kind: CsvKind = REPORT
    """Kind of the report, for messages."""
    count: int = 0
    """Number of such files."""
    first: list[str] = field(default_factory=list)
    """Paths of the first :data:`cxr_edge.reports.counts.FIRST_FAILED` of them."""
    rows: int = 0
    """Rows that were looked at."""
    read: int = 0
    """Files that were read again."""

    def look(self, row: Mapping[str, str], item: ImageItem, report_started: str) -> bool:
        """Look at a row and its file, and count the file if its bytes differ.

        Parameters
        ----------
        row
            Row by column.
        item
            The file.
        report_started
            Time of the report's first run; ISO 8601.

        Returns
        -------
        bool
            Whether its bytes differ, as far as that was looked at.

        Raises
        ------
        ReportError
            As :meth:`refuse_others`, after the first rows.
        """
        self.rows += 1
        newest = datetime.fromisoformat(report_started).timestamp() + _SLACK
        newer = self.read < _MOST and _modified(item) > newest
        if self.rows > _SAMPLE and not newer:
            return False
        self.read += 1
        differs = _differs(row, item)
        if differs:
            self.count += 1
            if len(self.first) < FIRST_FAILED:
                self.first.append(printable(item.path))
        if self.rows == _SAMPLE:
            self.refuse_others()
        return differs

    def refuse_others(self) -> None:
        """Raise where every file of the first rows differs.

        Raises
        ------
        ReportError
            They do: the folder is not the one that was scanned.
        """
        if 0 < self.rows <= _SAMPLE and self.count == self.rows:
            files = " and ".join(filter(None, (", ".join(self.first[:-1]), self.first[-1])))
            raise self.kind.refused(
                self.report,
                f"cannot be continued: {files} differ from the files in this {self.kind.name}; "
                "is this the right folder?",
            )


def _differs(row: Mapping[str, str], item: ImageItem) -> bool:
    """Return whether a file's bytes differ from those that its row was made from."""
    if not row["sha256"]:  # it could not be read
        return False
    try:
        sha256 = hashlib.sha256(read_file(item.where, item.storage)).hexdigest()
    except ImageError:
        sha256 = ""
    return sha256 != row["sha256"]


def _modified(item: ImageItem) -> float:
    try:
        return item.storage.stat(item.where).modified
    except OSError:
        return 0.0
