"""The last step of a file of an inbox, once it has a row: it stays, or is moved away."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cxr_edge.errors import ImageError
from cxr_edge.jobs.day_report import DAY_REPORT
from cxr_edge.jobs.inbox import Arrival, Inbox
from cxr_edge.jobs.known_rows import KnownRow, KnownRows
from cxr_edge.jobs.watch_display import WatchDisplay
from cxr_edge.jobs.watch_job import WatchJob
from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.reports.csv_report import row_of
from cxr_edge.storage.move import move_file
from cxr_edge.storage.read_file import read_file
from cxr_edge.system.printable import printable

MOVE_AGAIN: Final = 60.0
"""Seconds between two tries to move a file away."""


class PutAway:
    """Files with a row are done with: they stay where they are, or are moved away."""

    def __init__(
        self, job: WatchJob, inbox: Inbox, known: KnownRows, display: WatchDisplay
    ) -> None:
        """Take the rows that there are, and who is told."""
        self._job = job
        self._inbox = inbox
        self._known = known
        self._display = display

    def if_known(self, arrival: Arrival) -> bool:
        """Put a file away that has a row, on whatever day; return whether it has one."""
        path = printable(arrival.item.path)
        if not self._known.has_path(path):
            return False
        try:
            sha256 = hashlib.sha256(read_file(arrival.item.where)).hexdigest()
        except ImageError:
            sha256 = ""
        row = self._known.get(path, sha256)
        if row is None:
            return False
        self._display.state.already += 1
        self._put(arrival, row, sha256)
        return True

    def scanned(self, day: str, arrivals: Sequence[Arrival], outcomes: Sequence[Outcome]) -> None:
        """Put files away whose rows were written just now."""
        _sync(self._job.report(day))  # or a power failure could take the row of a moved file
        now = self._inbox.clock()
        for arrival, outcome in zip(arrivals, outcomes, strict=True):
            row = DAY_REPORT.named(row_of(outcome, ""))
            known = self._known.add(row, day)
            self._put(arrival, known, outcome.sha256)
            self._display.took(row, now - arrival.seen)

    def _put(self, arrival: Arrival, row: KnownRow, sha256: str) -> None:
        if not self._job.move:
            self._inbox.done(arrival)
            return
        place = self._job.place(row.day, ok=row.ok)
        try:
            place.mkdir(parents=True, exist_ok=True)
            moved = move_file(arrival.item.file, place / arrival.item.path, arrival.mark, sha256)
        except OSError as exc:
            self._display.not_moved(arrival.item.where, exc)
            self._inbox.put_off(arrival, float("inf") if self._job.once else MOVE_AGAIN)
            return
        self._inbox.done(arrival)
        self._display.state.moved += moved is not None


def _sync(report: Path) -> None:
    handle = os.open(report, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
