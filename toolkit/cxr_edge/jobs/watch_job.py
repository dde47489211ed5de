"""A watch: folders, session, and what it is asked to do."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_edge.errors import UsageError
from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.jobs.html_report import PICTURES
from cxr_edge.jobs.session import ScanConfig, Session
from cxr_edge.jobs.watch_state import recorded_health
from cxr_edge.reports.run_manifest import RunManifest, preferred_by
from cxr_edge.system.printable import printable

if TYPE_CHECKING:
    from cxr_edge.reports.metrics import Metrics


def local_today() -> date:
    """Return the day on this machine's clock."""
    return datetime.now().astimezone().date()


def unheard(_news: object) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class WatchJob:
    """One watch of one inbox."""

    inbox: Path
    """Folder that is watched, with everything below it."""
    out: Path
    """Folder of the reports."""
    session: Session
    """Model and settings."""
    move: bool = False
    """Whether files are moved away once their rows are written."""
    settle: float = 2.0
    """Seconds for which a file must stay as it is before it is taken."""
    poll: float | None = None
    """Seconds between two looks into the inbox; None for the system's notices, where there are
    some."""
    page_every: float = 300.0
    """Seconds between two pages of the day's report, at least."""
    pictures: int = PICTURES
    """Images of a page that get pictures."""
    once: bool = False
    """Whether it ends once no file is left to take."""
    metrics: "Metrics | None" = None
    """Metrics that are served."""
    tell: Callable[[str], None] = unheard
    """Function that gets a line for people: a warning, or a change of state."""
    ended: Callable[[RunManifest], None] = unheard
    """Function that gets the manifest of the day with the counts of this run alone, at the end of a
    watch with ``once``."""
    today: Callable[[], date] = local_today
    """Function that returns the day."""
    in_flight: InFlightTable = field(default_factory=InFlightTable)
    """Table that the supervisor reads."""

    def __post_init__(self) -> None:
        """Check the folders.

        Raises
        ------
        UsageError
            One is not there, or lies in the other.
        """
        check_folders(self.inbox, self.out)

    def report(self, day: str) -> Path:
        """Return the path of a day's report."""
        return self.out / f"{day}.csv"

    def place(self, day: str, *, ok: bool) -> Path:
        """Return the folder that files are moved to."""
        return self.out / ("done" if ok else "failed") / day

    def root(self, day: str) -> Path:
        """Return the folder in which the scored files of a day's report are found."""
        return self.place(day, ok=True) if self.move else self.inbox


def check_folders(inbox: Path, out: Path) -> None:
    """Check the folders of a watch, before a model is loaded.

    An inbox that was watched before may be away: it is waited for.

    Raises
    ------
    UsageError
        One is not there or cannot be used, or one lies in the other.
    """
    if not out.is_dir():
        raise UsageError(
            f"--out: expected a folder for the reports, got {printable(str(out))}; make it first"
        )
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError(f"--out: {out} is not writable; choose another folder")
    watched = recorded_health(out).get("inbox") == printable(str(inbox.absolute()))
    if not inbox.is_dir() and (inbox.exists() or not watched):
        raise UsageError(f"INBOX: expected a folder, got {printable(str(inbox))}")
    here, there = inbox.resolve(), out.resolve()
    if there.is_relative_to(here):
        raise UsageError(
            f"--out: expected a folder outside of INBOX, got {printable(str(out))}, which lies in "
            "the inbox: its files would be scanned; choose another"
        )
    if here.is_relative_to(there):
        raise UsageError(
            f"INBOX: expected a folder outside of --out, got {printable(str(inbox))}, which lies "
            "in the folder of the reports; choose another"
        )


def open_session(
    config: ScanConfig, inbox: Path, out: Path, today: date, table: InFlightTable
) -> Session:
    """Check the folders, and open a session that goes with the report of the day.

    Raises
    ------
    UsageError
        As :func:`check_folders`, or a setting cannot work.
    ModelError, SelfTestFailed
        As :meth:`cxr_edge.jobs.session.Session.open`.
    """
    check_folders(inbox, out)
    report = out / f"{today.isoformat()}.csv"
    return Session.open(config, preferred_by(report, same_command=table.started), chosen=True)
