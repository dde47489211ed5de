"""The heat maps of a scan: those that its workers draw, and those that are drawn at its end."""

from collections.abc import Iterator
from typing import Final

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.isolation.sandbox import Sandbox
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.pipeline.classify import Draw
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.outcome import Failure, Outcome
from cxr_edge.pipeline.scan import scan
from cxr_edge.pipeline.thread_engine import ThreadEngine
from cxr_edge.reports.append_log import read_rows
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.heat_maps import HeatMapFolder
from cxr_edge.reports.manifest import Manifest
from cxr_edge.reports.sink import RunResult
from cxr_edge.storage.atomic import remove_half_written
from cxr_edge.system.plural import counted, worded
from cxr_edge.system.printable import first_names, printable
from cxr_edge.system.progress import stage

_NAMED: Final = 3
"""Images without a heat map that a message names."""


class HeatMapSink:
    """The sink that draws, when all rows are written, the heat maps that are not there yet.

    Workers of the scan draw those that they can tell at once, by the probability and the label,
    before their rows are written. At the end follow the most probable images, and those of rows
    that an earlier run wrote without heat maps.
    """

    def __init__(self, job: ScanJob, folder: HeatMapFolder) -> None:
        """Complete ``folder`` with the images of the report of ``job``."""
        self._job, self._folder = job, folder

    @property
    def draw(self) -> Draw | None:
        """Function for the scan's workers; None where only the whole report can tell."""
        return None if self._folder.wanted.top else self._folder.draw_if_wanted

    def begin(self, manifest: Manifest) -> None:  # noqa: ARG002
        """Make the folder.

        Raises
        ------
        UsageError
            It cannot be made.
        """
        try:
            self._folder.folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise UsageError(
                f"--heatmaps: {self._folder.folder} cannot be made: {exc.strerror}; choose another "
                "folder"
            ) from exc

    def write(self, outcomes: object) -> None:
        """Do nothing: workers have drawn."""

    def close(self, result: RunResult) -> None:
        """Draw what is missing, unless the run was stopped.

        Raises
        ------
        ReportError
            A heat map cannot be written; the rows of the report are there.
        """
        if result.error is not None:
            return
        remove_half_written(self._folder.folder)  # a decoder that crashed, a run that was killed
        rows = read_rows(REPORT, self._job.out)
        next(rows, None)  # the header
        missing = set(self._folder.missing(REPORT.named(row) for row, _ in rows))
        self._folder.failed.clear()
        if missing:
            with stage("drawing heat maps"):
                for outcomes in self._scan(missing):
                    self._note_failures(outcomes)
        if failed := self._folder.failed:
            names = sorted(failed)
            reason = failed[names[0]]
            raise ReportError(
                f"--heatmaps: {counted(len(failed), 'heat map', 'heat maps')} could not be written "
                f"({first_names(names, most=_NAMED)}): {reason}; the report is complete, and "
                f"the same command writes {worded(len(failed), 'it', 'them')} once that is mended"
            )

    def _scan(self, missing: set[str]) -> Iterator[list[Outcome]]:
        """Score images again and draw; their rows stay as they are."""
        session = self._job.session
        items: Iterator[ImageItem] = (
            item for item in self._job.sources.items() if printable(item.path) in missing
        )
        return scan(
            items,
            session.model,
            session.decision,
            prepare=Sandbox(self._job.in_flight, shown=True).prepare,
            batching=session.batching,
            engine=ThreadEngine(session.workers),
            draw=self._folder.draw,
        )

    def _note_failures(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Failure):  # it could be read when its row was made
                self._folder.failed[printable(outcome.path)] = outcome.detail
