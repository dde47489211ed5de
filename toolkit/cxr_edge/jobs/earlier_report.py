"""The rows of an earlier report that a new one takes over, in place of scoring them again."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Final

from cxr_edge.jobs.resume import ChangedFiles
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.outcome import Outcome, Prediction
from cxr_edge.reports.check_rows import check_rows
from cxr_edge.reports.csv_report import REPORT, prediction_of
from cxr_edge.reports.earlier_rows import EarlierRows
from cxr_edge.reports.manifest import Gone
from cxr_edge.system.printable import printable

_WINDOW: Final = 1000
"""Files that are looked at together; those of them that are to be scored are side by side."""

Scan = Callable[[Iterator[ImageItem]], Iterator[Sequence[Outcome]]]
"""Yields the outcomes of files, in order."""


@dataclass
class EarlierReport:
    """A report that was set aside, whose scored images are taken over into the new one.

    Files that failed in it are scored, and those that have no row in it or have changed.
    """

    path: Path
    """Path of the report."""
    rows: EarlierRows
    """Its rows."""
    changed: ChangedFiles
    """The check that its files are those that there are now."""
    started: str
    """Time of its first run; ISO 8601."""
    versions: list[str]
    """Other versions of cxr-edge that wrote it."""
    gone: Gone
    """Counts the rows whose files are not there any more."""
    check: Callable[[Mapping[str, str]], None]
    """Function that raises ReportError for a row of other settings."""

    @classmethod
    def open(cls, path: Path, check: Callable[[Mapping[str, str]], None]) -> "EarlierReport":
        """Open a report.

        Parameters
        ----------
        path
            Path of the report.
        check
            Function that raises ReportError for a row of other settings.

        Raises
        ------
        ReportError
            It was edited, or cannot be read.
        """
        recorded = REPORT.recorded(path)
        check_rows(REPORT, path, recorded.digest, is_finished=recorded.finished)
        return cls(
            path,
            EarlierRows(REPORT, path),
            ChangedFiles(path),
            recorded.report_started,
            recorded.earlier_versions,
            Gone(),
            check,
        )

    def renamed(self, path: Path) -> "EarlierReport":
        """Return the report under the name that it is about to get."""
        self.rows.path = path
        return replace(self, path=path, changed=ChangedFiles(path))

    def pass_by(self, path: str) -> None:
        """Take the row of a file that has one in the new report already."""
        self.rows.drop(path)

    def outcomes(self, items: Iterable[ImageItem], scan: Scan) -> Iterator[Sequence[Outcome]]:
        """Yield the outcome of every file, in order, taken over where that can be.

        Parameters
        ----------
        items
            Files.
        scan
            Scores the others.

        Raises
        ------
        ReportError
            All of the first files differ from those of the report: it is of another folder.
        """
        items = iter(items)
        with self.rows:
            while window := [(item, self._known(item)) for item in islice(items, _WINDOW)]:
                scored = (
                    outcome
                    for batch in scan(item for item, known in window if known is None)
                    for outcome in batch
                )
                for is_known, group in groupby(window, key=lambda pair: pair[1] is not None):
                    if is_known:
                        yield [prediction for _, prediction in group if prediction]
                    else:
                        for _ in group:
                            yield [next(scored)]
        self.changed.refuse_others()
        self.rows.count_gone(self.gone)

    def _known(self, item: ImageItem) -> Prediction | None:
        row = self.rows.take(printable(item.path))
        if row is None or row["status"] != "ok":
            return None
        self.check(row)
        if self.changed.look(row, item, self.started):
            return None
        return prediction_of(row, item.path)
