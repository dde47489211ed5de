"""One scan into one report: begun, continued or found complete, and always accounted for."""

import os
import time
from dataclasses import dataclass, field
from typing import Final

from cxr_edge import __version__
from cxr_edge.errors import CxrError, ExitCode
from cxr_edge.isolation.heartbeat import NONE
from cxr_edge.isolation.sandbox import Sandbox
from cxr_edge.jobs.resume import Changed, find_report
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.pipeline.discover import Skipped
from cxr_edge.pipeline.outcome import Failure
from cxr_edge.pipeline.scan import scan
from cxr_edge.pipeline.source_folders import SourceFolders
from cxr_edge.pipeline.thread_engine import ThreadEngine
from cxr_edge.reports.append_log import check_place
from cxr_edge.reports.counts import Counts
from cxr_edge.reports.csv_report import REPORT, CsvReport, set_aside
from cxr_edge.reports.manifest import RunManifest, manifest_path, utc_now
from cxr_edge.reports.observer import Observer, Unobserved
from cxr_edge.reports.quarantine import take, write_list

_UNOBSERVED: Final = Unobserved()


@dataclass
class _Tally:
    """What the manifest says at any moment."""

    job: ScanJob
    skipped: Skipped = field(default_factory=Skipped)
    counts: Counts = field(default_factory=Counts)
    changed: Changed = field(default_factory=Changed)
    continued_from: int = 0
    started: str = field(default_factory=utc_now)
    begun: str = ""
    clock: float = field(default_factory=time.monotonic)

    def write(self, exit_code: ExitCode | None) -> RunManifest:
        """Write the manifest, for a run that goes on (None) or has ended."""
        done = self.counts.rows - self.continued_from
        seconds = time.monotonic() - self.clock
        manifest = RunManifest(
            tool_version=__version__,
            identity=self.job.identity,
            runtime_asked=self.job.runtime_asked,
            runtime_why=self.job.model.why,
            device_asked=self.job.device_asked,
            device_why=self.job.model.device_why,
            batch_size=self.job.batching.size,
            batch_why=self.job.batching.why,
            workers=self.job.workers,
            threads=self.job.threads,
            self_test=self.job.self_test,
            operating_point=self.job.decision.operating_point,
            counts=self.counts,
            passed_over=self.skipped.counts,
            first_lost=self.skipped.first_lost,
            continued_from=self.continued_from,
            changed=self.changed.count,
            first_changed=self.changed.first,
            begun=self.begun,
            started=self.started,
            pid=os.getpid() if exit_code is None else None,
            ended=None if exit_code is None else utc_now(),
            files_per_second=round(done / seconds, 2) if done and exit_code is not None else None,
            exit_code=exit_code,
        )
        manifest.write(manifest_path(self.job.out))
        return manifest


def run_scan(job: ScanJob, observer: Observer = _UNOBSERVED) -> RunManifest:
    """Scan into a report, continuing one that an earlier run began.

    A continued report is byte for byte the one that an undisturbed run writes: it is kept up to
    its last whole row, and an image's probability does not depend on the others of its batch.

    Parameters
    ----------
    job
        What to do.
    observer
        Is told when it begins, of every batch that is written, and when it is finished.

    Returns
    -------
    RunManifest
        As it stands beside the report; its exit code is the command's.

    Raises
    ------
    UsageError
        A path or the report's place is wrong; nothing was done.
    ReportError
        The report cannot be written or continued, or more files failed than allowed.
    ModelError
        The runtime failed.
    """
    check_place(REPORT, job.out)
    with REPORT.alone_at(job.out):
        return _run(job, observer)


def _run(job: ScanJob, observer: Observer) -> RunManifest:
    folders = SourceFolders.of(job.paths)
    tally = _Tally(job)
    items = job.items(tally.skipped)
    if job.fresh and job.out.exists() and job.in_flight.rows == NONE:
        set_aside(job.out)
    found = find_report(job, items, tally.changed)
    tally.begun = found.begun or tally.started
    tally.counts, tally.continued_from = found.counts, found.counts.rows
    manifest = tally.write(None)  # first: a report is never there without one
    report = CsvReport.open(job.out, job.model.tag, found.kept, found.counts)
    prepare = Sandbox(job.in_flight).prepare
    exit_code = ExitCode.ERROR
    try:
        observer.begun(manifest)
        job.in_flight.rows = report.counts.rows
        if job.max_failures:
            job.max_failures.check(report.counts)
        for batch in scan(
            items, job.model, job.decision, prepare=prepare, batching=job.batching,
            engine=ThreadEngine(job.workers),
        ):  # fmt: skip
            folders.check(one.reason for one in batch if isinstance(one, Failure))
            if job.quarantine:
                take(job.quarantine, batch)
            report.write(batch)
            job.in_flight.rows = report.counts.rows
            observer.written(batch)
            if job.max_failures:
                job.max_failures.check(report.counts)
        folders.check_all()
        incomplete = report.counts.failed or tally.skipped.first_lost
        exit_code = ExitCode.SOME_FAILED if incomplete else ExitCode.DONE
    except KeyboardInterrupt:
        exit_code = ExitCode.INTERRUPTED
        raise
    except CxrError as exc:
        exit_code = exc.exit_code
        raise
    finally:
        try:
            report.close()
            if job.quarantine:
                write_list(job.quarantine, job.out)
        finally:
            manifest = tally.write(exit_code)
            job.in_flight.ended(exit_code)
    observer.ended(manifest)
    return manifest
