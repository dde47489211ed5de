"""A day's report of a watch: the rows of the files that arrived on it, by arrival."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

from cxr_edge.errors import Unreadable
from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.isolation.sandbox import Sandbox
from cxr_edge.jobs.inbox import Arrival
from cxr_edge.jobs.session import Session
from cxr_edge.jobs.session_record import record_of, require_same
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.outcome import Failure, Outcome
from cxr_edge.pipeline.scan import scan
from cxr_edge.pipeline.skipped import Skipped
from cxr_edge.pipeline.thread_engine import ThreadEngine
from cxr_edge.reports.append_log import CsvKind
from cxr_edge.reports.csv_report import REPORT, row_of
from cxr_edge.reports.manifest import ARRIVAL
from cxr_edge.reports.run_manifest import ROWS_BY_CONTENT, RunManifest
from cxr_edge.system.printable import printable

DAY_REPORT: Final = replace(
    REPORT,
    command="cxr watch",
    run="watch",
    advice="choose another --out, or move the report and its manifest away",
    other_files="",
    instead={},
)
"""Kind of a day's CSV file."""

_NAME: Final = re.compile(r"\d{4}-\d{2}-\d{2}\.csv")

Finished = Callable[[Sequence[Arrival], Sequence[Outcome]], None]
"""Function that gets the files of a round with their outcomes, once their rows are written."""


def day_reports(folder: Path) -> list[Path]:
    """Return the reports of all days in a folder, in their order."""
    return sorted(path for path in folder.glob("????-??-??.csv") if _NAME.fullmatch(path.name))


@dataclass
class DayWork:
    """The work for a day's report, as :class:`cxr_edge.jobs.resumable.Work`.

    Files are taken in rounds: a round is scanned as a whole, its rows are written, and only then
    the next one is asked for, which may be hours later.
    """

    out: Path
    """Path of the report."""
    session: Session
    """Model and settings."""
    root: Path
    """Folder in which the files of its rows are found by their paths."""
    rounds: Iterator[Sequence[Arrival]]
    """Files that have no row yet; waits for them, and ends with the day."""
    finished: Finished
    """Function that is called after each round."""
    in_flight: InFlightTable
    """Table that the supervisor reads."""
    recall_row: Callable[[Mapping[str, str]], object] = lambda _row: None
    """Function that gets each row that an earlier run wrote, by column."""
    kind: CsvKind = DAY_REPORT
    """Kind of the CSV file."""
    add_new: bool = False
    """Whether files may stand anywhere in a sorted report, which this one is not."""
    arriving: bool = True
    """Whether files arrive."""

    def __post_init__(self) -> None:
        self._round: Sequence[Arrival] = ()

    def items(self, skipped: Skipped) -> Iterator[ImageItem]:  # noqa: ARG002  (the inbox counts)
        """Yield the files of all rounds."""
        for arrivals in self.rounds:
            self._round = arrivals
            for arrival in arrivals:
                yield arrival.item

    def set_up(self) -> None:
        """Do nothing."""

    def manifest(self, skipped: Skipped) -> RunManifest:
        """Return the manifest with settings and empty counts."""
        root, beside = self.root.absolute(), self.out.parent.absolute()
        inside = root.relative_to(beside) if root.is_relative_to(beside) else root
        record = record_of(self.session, skipped, {"": printable(str(root))})
        identity = replace(
            record.identity, rows_by=ROWS_BY_CONTENT, files_in=printable(str(inside))
        )
        return replace(record, identity=identity, order=ARRIVAL)

    def check(self, row: Mapping[str, str]) -> None:
        """Take a row, and raise ReportError where other settings made it."""
        require_same(self.kind, self.out, row, self.session)
        self.recall_row(row)

    def recall(self, row: Mapping[str, str], item: ImageItem, manifest: RunManifest) -> None:
        """Do nothing: the files of earlier rows are not looked for."""

    def recalled(self, manifest: RunManifest) -> RunManifest:
        """Return the manifest as it is."""
        return manifest

    def outcomes(self, items: Iterator[ImageItem]) -> Iterator[Sequence[Outcome]]:
        """Yield the outcomes of each round before its next file is asked for."""
        for first in items:
            arrivals = self._round
            taken = [first, *islice(items, len(arrivals) - 1)]
            done: list[Outcome] = []
            for batch in self._scan(taken):
                sure = [
                    self._once_more(item, outcome)
                    for item, outcome in zip(taken[len(done) :], batch, strict=False)
                ]
                done += sure
                yield sure
            self.finished(arrivals, done)

    def to_row(self, outcome: Outcome) -> Sequence[str]:
        """Return an outcome's row."""
        return row_of(outcome, self.session.model.tag)

    def _once_more(self, item: ImageItem, outcome: Outcome) -> Outcome:
        """Return the outcome of a file; one that could not be read is tried again.

        Nobody looks at its row later, and a disk or network that was away may be back.
        """
        if not isinstance(outcome, Failure) or outcome.reason != Unreadable.reason:
            return outcome
        ((again,),) = self._scan([item])
        return again

    def _scan(self, items: Sequence[ImageItem]) -> Iterator[list[Outcome]]:
        session = self.session
        return scan(
            items,
            session.model,
            session.decision,
            prepare=Sandbox(self.in_flight).prepare,
            checks=session.checks,
            batching=session.batching,
            engine=ThreadEngine(session.workers),
        )
