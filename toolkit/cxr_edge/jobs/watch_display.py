"""Whoever is told what a watch does: people, the health file, the service manager, metrics."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_edge.jobs.watch_state import State, WatchState
from cxr_edge.reports.manifest import utc_now
from cxr_edge.reports.run_manifest import RunManifest
from cxr_edge.system.printable import printable
from cxr_edge.system.service import ServiceManager

if TYPE_CHECKING:
    from cxr_edge.reports.metrics import Metrics


class WatchDisplay:
    """The state of a watch, and all that show it."""

    def __init__(
        self, state: WatchState, tell: Callable[[str], None], metrics: "Metrics | None" = None
    ) -> None:
        """Take the state, which others change too."""
        self.state = state
        self.tell = tell
        self._metrics = metrics
        self._service = ServiceManager()
        self._warned: set[tuple[str, str]] = set()

    def ready(self, inbox: Path) -> None:
        """Tell that the watch has started, with the inbox as it was given."""
        self._service.ready()
        self.tell(f"watching {printable(str(inbox))}; reports in {printable(str(self.state.out))}")

    def stopping(self) -> None:
        """Tell that the watch ends."""
        self._service.stopping()

    def alive(self) -> None:
        """Tell the service manager that the watch works."""
        self._service.alive()

    def day(self, manifest: RunManifest) -> None:
        """Take the manifest of a day's report; doubts of earlier rows were told by their run."""
        self.state.manifest = manifest
        self._warned.update((kind, manifest.report_started) for kind in _doubts(manifest))

    def works(self) -> None:
        """Note that nothing keeps the watch from working."""
        if self.state.state is not State.WATCHING:
            if self.state.problem:
                self.tell("going on")
            self.enter(State.WATCHING)

    def enter(self, state: State, problem: str | None = None) -> None:
        """Note a state, and what the problem is; tell people of a new problem."""
        if problem and problem != self.state.problem and state is not State.STOPPED:
            self.tell(f"waiting: {problem}")
        is_new = (state, problem) != (self.state.state, self.state.problem)
        self.state.state, self.state.problem = state, problem
        self.show(now=is_new)

    def took(self, row: Mapping[str, str], seconds: float) -> None:
        """Note the last row, and the time from the first look at its file to it."""
        last = {key: row[key] for key in ("path", "status", "reason")}
        self.state.last = {**last, "time": utc_now()}
        if self._metrics:
            self._metrics.took(seconds)

    def not_moved(self, where: str, exc: OSError) -> None:
        """Note that a file could not be moved, and tell people of the first."""
        if not self.state.not_moved:
            self.tell(f"warning: {printable(where)} cannot be moved: {exc.strerror}; it stays")
        self.state.not_moved += 1

    def show(self, *, now: bool = False) -> None:
        """Show the state where it is due, or at once."""
        self.alive()
        state = self.state
        if not state.write(now=now):
            return
        self._warn()
        counts = state.manifest.counts if state.manifest else None
        rows = f", {counts.rows} files today, {counts.failed} failed" if counts else ""
        self._service.status(f"{state.state}{rows}")
        if self._metrics:
            self._metrics.set(
                state.state,
                tuple(State),
                {
                    "waiting": state.waiting,
                    "free_bytes": state.free,
                    "already": state.already,
                    "moved": state.moved,
                    "not_moved": state.not_moved,
                },
            )

    def _warn(self) -> None:
        """Tell people what the day's rows give reason to doubt, each doubt once a day."""
        manifest = self.state.manifest
        if manifest is None:
            return
        for kind, doubt in _doubts(manifest).items():
            if (kind, manifest.report_started) not in self._warned:
                self._warned.add((kind, manifest.report_started))
                self.tell(f"warning: {doubt}")


def _doubts(manifest: RunManifest) -> dict[str, str]:
    """Return what the day's rows give reason to doubt, by kind."""
    counts = manifest.counts
    doubts = {
        "constant": counts.constant if counts.is_constant else "",
        "shift": (counts.shift.warning or "") if counts.shift else "",
    }
    return {kind: doubt for kind, doubt in doubts.items() if doubt}
