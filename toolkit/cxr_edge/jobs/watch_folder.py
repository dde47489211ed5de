"""START HERE for ``cxr watch``. An inbox to a report for each day, for as long as it is let.

::

    look -> files that are whole -> those without a row -> run_resumable -> rows -> put away

Nothing is remembered but what the reports say: a file is done with once its row is written, and
the rows of all days are read at the start. So the watch can be killed at any moment.
"""

import errno
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Final

from cxr_edge.errors import CxrError, ExitCode, FolderGone, MachineError, UsageError
from cxr_edge.jobs.day_page import LONGEST, DayPage
from cxr_edge.jobs.day_report import DAY_REPORT, DayWork, day_reports
from cxr_edge.jobs.html_report import PageJob
from cxr_edge.jobs.inbox import Arrival, Inbox
from cxr_edge.jobs.inbox_notices import Notices
from cxr_edge.jobs.known_rows import KnownRows
from cxr_edge.jobs.put_away import PutAway
from cxr_edge.jobs.resumable import run_resumable
from cxr_edge.jobs.watch_display import WatchDisplay
from cxr_edge.jobs.watch_job import WatchJob
from cxr_edge.jobs.watch_state import HEALTH, State, WatchState, owner_of
from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.reports.append_log import read_rows
from cxr_edge.reports.counts import ScanCounts
from cxr_edge.reports.manifest import Manifest
from cxr_edge.reports.run_manifest import RunManifest
from cxr_edge.reports.sink import RunResult, Sink
from cxr_edge.storage.atomic import TEMP_PREFIX, remove_half, remove_half_written
from cxr_edge.storage.lock import alone_at
from cxr_edge.system.printable import printable
from cxr_edge.system.stop import StopRequest, stop_at_signal

ROUND: Final = 64
"""Files that are scanned before their rows, moves and state are looked after, at most."""

NOTICED: Final = 10.0
"""Seconds between two looks into an inbox of which notices are given; one could be lost."""

POLLED: Final = 2.0
"""Seconds between two looks into an inbox of which none are given."""

RETRY: Final = 5.0
"""Seconds between two tries to write on a disk that is full or away."""

LAST_PAGE: Final = 8.0
"""Seconds that a page may take when the watch is to stop; the supervisor waits 20 in all."""

_PASSING: Final = frozenset({
    errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE, errno.ENODEV,
    errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN,
})  # fmt: skip
"""Errors of a disk or network that is full or away."""


def watch(job: WatchJob) -> ExitCode:
    """Watch an inbox until a signal asks to stop, or with ``once`` until nothing is left.

    Returns
    -------
    ExitCode
        Exit code of the command.

    Raises
    ------
    ReportError
        A report cannot be continued; one whose disk is full or away is waited for.
    ModelError
        The runtime failed.
    """
    with ExitStack() as stack:
        stack.enter_context(alone_at(job.out / HEALTH, "watch", "--out", owner_of, "stop it"))
        return _Watch(job, stack.enter_context(stop_at_signal())).run()


class _Watch:
    """A watch that runs."""

    def __init__(self, job: WatchJob, stop: StopRequest) -> None:
        self._job = job
        self._stop = stop
        self._inbox = Inbox(job.inbox, job.settle)
        self._notices = Notices(job.inbox, stop.wake)
        self._known = KnownRows()
        state = WatchState(job.inbox.absolute(), job.out)
        self._display = WatchDisplay(state, job.tell, job.metrics)
        self._put_away = PutAway(job, self._inbox, self._known, self._display)
        self._page: DayPage | None = None

    def run(self) -> ExitCode:
        """Run until the end."""
        try:
            code = self._run()
        except (CxrError, OSError) as exc:
            self._display.enter(State.STOPPED, str(exc))
            raise
        finally:
            self._notices.end()
        self._display.enter(State.STOPPED)
        self._display.tell("stopped")
        self._job.in_flight.ended(code)
        return code

    def _run(self) -> ExitCode:
        self._display.enter(State.STARTING)
        self._clear_up()
        self._take_earlier_days()
        self._display.ready(self._job.inbox)
        code = ExitCode.DONE
        while not self._stop.is_made:
            code = self._run_day(self._today())
            if self._job.once:
                break
            self._job.in_flight.goes_on()
        self._display.stopping()
        if self._page:
            self._page.finish(LAST_PAGE if self._stop.is_made else LONGEST)
        return code if self._job.once else ExitCode.DONE

    def _clear_up(self) -> None:
        """Remove what a killed watch left half-written."""
        for path in self._job.out.glob(f"{TEMP_PREFIX}*"):
            remove_half(path)
        for ok in (True, False):
            days = self._job.place("", ok=ok).glob("????-??-??")
            for folder in sorted(days)[-2:]:  # it may have been killed before midnight
                remove_half_written(folder)

    def _take_earlier_days(self) -> None:
        """Take the rows of earlier days, and finish the reports that a killed watch left."""
        for report in day_reports(self._job.out):
            day = report.stem
            if day == self._today():
                continue
            try:
                self._known.read(DAY_REPORT, report, day)
                if not DAY_REPORT.recorded(report).finished:
                    run_resumable(self._work(day, iter(())))
                    page = self._page_of(day)
                    page.changed()
                    page.finish_beside()
            except CxrError as exc:
                self._display.tell(f"warning: {exc}")

    def _run_day(self, day: str) -> ExitCode:
        """Run a day's report to its end; an error that passes ends it too, after a while."""
        self._page = self._page_of(day)
        sinks: list[Sink[Outcome]] = [_Listener(self)]
        if self._job.metrics:
            sinks.append(self._job.metrics)
        try:
            manifest = run_resumable(self._work(day, self._rounds(day)), after=sinks)
        except (CxrError, OSError) as exc:
            if self._job.once or not _passes(exc):
                raise
            self._job.in_flight.goes_on()
            self._display.enter(State.CANNOT_WRITE, str(exc))
            self._wait(RETRY)
            return ExitCode.ERROR
        if self._job.once:
            return self._sum_up(day, manifest)
        if not self._stop.is_made:  # midnight
            self._page.finish_beside()
        return ExitCode.DONE

    def _sum_up(self, day: str, manifest: RunManifest) -> ExitCode:
        """Tell of the rows of this run, whichever child of the command wrote them."""
        counts = ScanCounts()
        rows = read_rows(DAY_REPORT, self._job.report(day))
        for row, _ in islice(rows, 1 + manifest.continued_from, None):  # the header is one too
            counts.add(DAY_REPORT.named(row))
        self._job.ended(replace(manifest, counts=counts, skipped=self._inbox.skipped))
        return ExitCode.SOME_FAILED if counts.failed else ExitCode.DONE

    def _work(self, day: str, rounds: Iterator[Sequence[Arrival]]) -> DayWork:
        job = self._job
        return DayWork(
            job.report(day),
            job.session,
            job.root(day),
            rounds,
            partial(self._put_away.scanned, day),
            job.in_flight,
            lambda row: self._known.add(row, day),
        )

    def _page_of(self, day: str) -> DayPage:
        job, report = self._job, self._job.report(day)
        page = PageJob(report, report.with_suffix(".html"), job.pictures)
        return DayPage(page, job.session.model.spec, job.page_every, job.tell)

    def _rounds(self, day: str) -> Iterator[Sequence[Arrival]]:
        """Yield the files that are whole and have no row, until the day or the watch ends."""
        while self._goes_on(day):
            arrivals = self._look()
            for start in range(0, len(arrivals), ROUND):
                some = arrivals[start : start + ROUND]
                new = [arrival for arrival in some if not self._put_away.if_known(arrival)]
                if not self._goes_on(day):
                    return
                if new:
                    yield new
                self.show()
            if self._job.once and not self._inbox.waiting:
                return
            if not arrivals:
                interval = self._job.poll or (NOTICED if self._notices.are_given else POLLED)
                until = time.monotonic() + self._inbox.pause(interval)
                self.show()
                self._wait(until - time.monotonic())

    def _goes_on(self, day: str) -> bool:
        return not self._stop.is_made and self._today() == day

    def _today(self) -> str:
        return self._job.today().isoformat()

    def _look(self) -> list[Arrival]:
        """Look into the inbox; one that is away holds nothing."""
        try:
            arrivals = self._inbox.look()
            self._keep_up_notices()
        except (UsageError, FolderGone, OSError):
            if self._job.once:
                raise
            gone = printable(str(self._job.inbox))
            self._display.enter(
                State.NO_INBOX,
                f"expected the folder {gone}, got none that can be listed; mount it again, or "
                "check its permissions",
            )
            return []
        if not arrivals or self._display.state.state is not State.CANNOT_WRITE:
            self._display.works()
        return arrivals

    def _keep_up_notices(self) -> None:
        if self._job.poll is None and not self._job.once and self._inbox.on_own_disk:
            self._notices.keep_up(self._inbox.identity)
        else:
            self._notices.end()

    def _wait(self, seconds: float) -> None:
        self._display.alive()
        self._stop.wait(seconds)

    def show(self) -> None:
        """Show the state, and make the page, where either is due."""
        if self._page:
            self._page.make_if_due()
        state = self._display.state
        state.waiting = self._inbox.waiting
        state.skipped = self._inbox.skipped
        state.notices = self._notices.are_given
        self._display.show()

    def begin(self, manifest: Manifest) -> None:
        """Take a day's manifest."""
        assert isinstance(manifest, RunManifest)
        self._display.day(manifest)
        self.show()

    def wrote(self) -> None:
        """Note that there are new rows."""
        if self._page:
            self._page.changed()
        self._display.works()
        self.show()


class _Listener:
    """The sink by which a watch learns that rows were written."""

    def __init__(self, running: _Watch) -> None:
        self._running = running

    def begin(self, manifest: Manifest) -> None:
        self._running.begin(manifest)

    def write(self, outcomes: Sequence[Outcome]) -> None:  # noqa: ARG002
        self._running.wrote()

    def close(self, result: RunResult) -> None:
        pass


def _passes(exc: CxrError | OSError) -> bool:
    """Tell whether an error is one of a disk, network or machine that is waited for."""
    if isinstance(exc, (FolderGone, MachineError)):
        return True
    cause = exc if isinstance(exc, OSError) else exc.__cause__
    return isinstance(cause, OSError) and cause.errno in _PASSING
