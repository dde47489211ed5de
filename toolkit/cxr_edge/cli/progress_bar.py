"""The sink that draws a progress bar on a terminal."""

from collections.abc import Sequence
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichProgress

from cxr_edge.reports.manifest import Manifest
from cxr_edge.reports.progress import Meter, Progress
from cxr_edge.reports.sink import RunResult


class Bar:
    """The sink that draws; the bar is indeterminate until the files are counted."""

    def __init__(self, meter: Meter, console: Console) -> None:
        """Take the meter of progress, and the console to draw on."""
        self._meter = meter
        self._bar = RichProgress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)

    def begin(self, manifest: Manifest) -> None:
        """Draw the bar at the rows that are there already."""
        self._meter.begin(manifest)
        self._bar.start()
        self._draw()

    def write(self, outcomes: Sequence[object]) -> None:  # noqa: ARG002  (counted in the manifest)
        """Move the bar on."""
        self._draw()

    def close(self, result: RunResult) -> None:  # noqa: ARG002  (it is removed in any case)
        """Remove the bar."""
        self._meter.stop()
        self._bar.stop()

    def _draw(self) -> None:
        progress = self._meter.read()
        self._bar.update(
            self._task,
            completed=progress.rows,
            total=progress.total,
            description=progress_text(progress),
        )


def progress_text(progress: Progress) -> str:
    """Return the text beside the bar."""
    parts = [f"{progress.failed} failed"]
    if progress.files_per_second is not None:
        parts.append(f"{progress.files_per_second:.1f} files/s")
    if progress.seconds_left is not None:
        parts.append(f"{timedelta(seconds=round(progress.seconds_left))} left")
    return ", ".join(parts)
