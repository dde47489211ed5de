"""The progress bar on a terminal."""

from collections.abc import Sequence
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cxr_edge.reports.counts import Counts
from cxr_edge.reports.observer import Counted
from cxr_edge.reports.progress import Meter, Standing


class Bar:
    """An observer that draws; the bar is indeterminate until the files are counted."""

    def __init__(self, meter: Meter, console: Console) -> None:
        """Take what measures, and where to draw."""
        self._meter = meter
        self._counts = Counts()
        self._bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)

    def begun(self, manifest: Counted) -> None:
        """Show it."""
        self._counts = manifest.counts
        self._meter.begin(self._counts.rows)
        self._bar.start()
        self._draw()

    def written(self, outcomes: Sequence[object]) -> None:  # noqa: ARG002  (counted in the manifest)
        """Move it."""
        self._draw()

    def ended(self, manifest: Counted) -> None:
        """Leave it to :meth:`close`."""

    def close(self) -> None:
        """Take it away, however the run ended."""
        self._meter.stop()
        self._bar.stop()

    def _draw(self) -> None:
        standing = self._meter.read(self._counts)
        self._bar.update(
            self._task,
            completed=standing.rows,
            total=standing.total,
            description=described(standing),
        )


def described(standing: Standing) -> str:
    """Return what stands beside the bar."""
    parts = [f"{standing.failed} failed"]
    if standing.files_per_second is not None:
        parts.append(f"{standing.files_per_second:.1f} files/s")
    if standing.seconds_left is not None:
        parts.append(f"{timedelta(seconds=round(standing.seconds_left))} left")
    return ", ".join(parts)
