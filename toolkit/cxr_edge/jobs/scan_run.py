"""One scan into one report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_edge.errors import ReportError
from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.jobs.resumable import run_resumable
from cxr_edge.jobs.resume import ChangedFiles
from cxr_edge.jobs.scan_engine import ScanEngine, open_engine
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.session_record import record_of, require_same
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.outcome import Outcome
from cxr_edge.pipeline.roots import named_roots
from cxr_edge.pipeline.skipped import Skipped
from cxr_edge.reports.append_log import CsvKind, is_started, read_rows
from cxr_edge.reports.csv_report import QUERIED_REPORT, REPORT, name_aside, row_of, set_aside
from cxr_edge.reports.manifest import Gone, differences, manifest_path, utc_now
from cxr_edge.reports.run_manifest import RunManifest, relabelled_from, taken_over_from
from cxr_edge.reports.sink import Sink
from cxr_edge.storage.place import Placed

if TYPE_CHECKING:
    from cxr_edge.jobs.earlier_report import EarlierReport


def run_scan(job: ScanJob, sinks: Sequence[Sink[Outcome]] = ()) -> RunManifest:
    """Scan into a report, continuing one that an earlier run started.

    A continued report is byte for byte the one that an undisturbed run writes: it is kept up to
    its last whole row, and an image's probability does not depend on the others of its batch.

    Parameters
    ----------
    job
        Files, report and session.
    sinks
        Sinks that get every batch once its rows are in the report.

    Returns
    -------
    RunManifest
        The manifest as it stands beside the report; its exit code is the command's.

    Raises
    ------
    UsageError
        A path or the report's place is wrong; nothing was done.
    ReportError
        The report cannot be written or continued, or more files failed than allowed.
    ModelError
        The runtime failed.
    CxrError
        The cluster cannot be reached, or no machine of it was at work for long.
    """
    before: list[Sink[Outcome]] = []
    after = [*sinks]
    if job.quarantine:
        from cxr_edge.reports.quarantine import Quarantine

        before.append(Quarantine(job.quarantine, job.out))
    draw = None
    if job.heat_maps:
        from cxr_edge.jobs.heat_map_sink import HeatMapSink

        heat_maps = HeatMapSink(job, job.heat_maps)
        before.append(heat_maps)
        draw = heat_maps.draw
    if job.max_failures:
        from cxr_edge.jobs.failure_limit import FailureStop

        after.append(FailureStop(job.max_failures))
    with open_engine(job.session, job.in_flight, job.cluster, draw) as engine:
        return run_resumable(_ScanWork(job, engine), before, after)


@dataclass
class _ScanWork:
    """A scan, as :class:`cxr_edge.jobs.resumable.Work`."""

    job: ScanJob
    """Files, report and session."""
    engine: ScanEngine
    """Place where the files are worked on."""

    def __post_init__(self) -> None:
        self.changed = ChangedFiles(self.job.out)
        self.earlier: EarlierReport | None = None
        self.relabelled_from: Mapping[str, object] | None = None

    @property
    def kind(self) -> CsvKind:
        queried = any(isinstance(path, Placed) for path in self.job.paths)
        return QUERIED_REPORT if queried else REPORT

    @property
    def out(self) -> Path:
        return self.job.out

    @property
    def add_new(self) -> bool:
        return self.job.add_new

    @property
    def arriving(self) -> bool:
        return False

    @property
    def in_flight(self) -> InFlightTable:
        return self.job.in_flight

    def items(self, skipped: Skipped) -> Iterator[ImageItem]:
        return self.job.sources.items(skipped)

    def set_up(self) -> None:
        first = not self.in_flight.started
        if self.job.fresh and first:
            if self.out.exists():
                set_aside(self.out)
            return
        is_there = is_started(REPORT, self.out)
        try:
            recorded = REPORT.recorded(self.out)
        except ReportError:
            if is_there:
                raise
            return
        changed = differences(recorded.identity, self.manifest(Skipped()).settings)
        earlier = None if recorded.finished else taken_over_from(self.out, recorded)
        if earlier and not changed:  # killed, maybe before the first row
            from cxr_edge.jobs.earlier_report import EarlierReport

            self.earlier = EarlierReport.open(earlier, self._check_settings)
        if not is_there:
            return
        self.relabelled_from = relabelled_from(recorded)
        if self.job.retry_failed and first and not earlier and _has_failed(self.out):
            REPORT.require_same(self.out, recorded.identity, self.manifest(Skipped()).settings)
            self._set_aside()

    def _set_aside(self) -> None:
        """Set the report aside, to take over its rows; whenever that ends, it can be continued."""
        from cxr_edge.jobs.earlier_report import EarlierReport

        kept = name_aside(self.out)
        self.earlier = EarlierReport.open(self.out, self._check_settings).renamed(kept)
        now = utc_now()
        manifest = replace(self.manifest(Skipped()), report_started=now, started=now)
        manifest.write(manifest_path(self.out), lambda: set_aside(self.out))

    def manifest(self, skipped: Skipped) -> RunManifest:
        manifest = record_of(self.job.session, skipped, named_roots(self.job.paths))
        return replace(
            manifest,
            engine=self.engine.name,
            workers=self.engine.workers,
            first_changed=self.changed.first,
            earlier_versions=self.earlier.versions if self.earlier else [],
            gone=self.earlier.gone if self.earlier else Gone(),
            taken_over_from=self.earlier.path.name if self.earlier else None,
            relabelled_from=self.relabelled_from,
        )

    def check(self, row: Mapping[str, str]) -> None:
        if self.earlier:
            self.earlier.pass_by(row["path"])
        self._check_settings(row)

    def _check_settings(self, row: Mapping[str, str]) -> None:
        require_same(REPORT, self.out, row, self.job.session)

    def recall(self, row: Mapping[str, str], item: ImageItem, manifest: RunManifest) -> None:
        self.changed.look(row, item, manifest.report_started)

    def recalled(self, manifest: RunManifest) -> RunManifest:
        self.changed.refuse_others()
        return replace(manifest, changed=self.changed.count)

    def outcomes(self, items: Iterator[ImageItem]) -> Iterator[Sequence[Outcome]]:
        scan = self.engine.outcomes
        return self.earlier.outcomes(items, scan) if self.earlier else scan(items)

    def to_row(self, outcome: Outcome) -> Sequence[str]:
        return row_of(outcome, self.job.session.model.tag)


def _has_failed(report: Path) -> bool:
    """Return whether a report has a file that failed; raises as :func:`read_rows`."""
    rows = read_rows(REPORT, report)
    next(rows)  # the header
    return any(REPORT.named(row)["status"] == "failed" for row, _ in rows)
