"""One scan into one report: begun, continued or found complete, and always accounted for."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from cxr_edge import __version__
from cxr_edge.batching import Batching
from cxr_edge.discover import ImageItem, PassedOver, discover
from cxr_edge.errors import CxrError, ExitCode, ReportError
from cxr_edge.journal import catch_up, check_place, is_begun
from cxr_edge.machine import usable_cpus
from cxr_edge.manifest import (
    Counts,
    RunIdentity,
    RunManifest,
    differences,
    manifest_path,
    read_identity,
    utc_now,
)
from cxr_edge.model import AUTO, Model
from cxr_edge.outcome import Decision
from cxr_edge.progress import Observer, Unobserved
from cxr_edge.recipe import RECIPES
from cxr_edge.report import REPORT, CsvReport, printable, set_aside
from cxr_edge.scan import scan

_UNOBSERVED: Final = Unobserved()


@dataclass(frozen=True)
class ScanJob:
    """What to scan, with what, into which report."""

    paths: Sequence[Path]
    """Files and folders."""
    out: Path
    """The report."""
    model: Model
    """That classifies."""
    decision: Decision
    """That labels."""
    runtime_asked: str = AUTO
    """For the manifest."""
    device_asked: str = AUTO
    """For the manifest."""
    self_test: str = "not asked for"
    """For the manifest."""
    batching: Batching = field(default_factory=Batching)
    """How films are handed to the model."""
    workers: int = field(default_factory=usable_cpus)
    """Files at work at once."""
    threads: int = 1
    """That one call of the model may use."""
    fresh: bool = False
    """Set an existing report aside."""
    max_failures: int | None = None
    """Stop once more files than this have failed."""

    def items(self, passed_over: PassedOver | None = None) -> Iterator[ImageItem]:
        """Yield the files to scan; as :func:`cxr_edge.discover.discover`, but for the report."""
        own = {os.path.abspath(path) for path in (self.out, manifest_path(self.out))}  # noqa: PTH100  (links stay)
        return (item for item in discover(self.paths, passed_over) if item.where not in own)

    @property
    def identity(self) -> RunIdentity:
        """What must not change between the runs into one report."""
        spec = self.model.spec
        return RunIdentity(
            model=spec.name,
            model_sha256=self.model.sha256,
            input=str(spec.input),
            recipe=spec.input.recipe,
            recipe_sha256=RECIPES[spec.input.recipe].digest,
            labels=spec.labels,
            threshold=self.decision.threshold,
            runtime=self.model.runtime_name,
            provider=self.model.runtime.provider,
            batch_size=self.batching.size if self.batching.padded else 1,
        )


@dataclass
class _Tally:
    """What the manifest says at any moment."""

    job: ScanJob
    passed_over: PassedOver = field(default_factory=PassedOver)
    counts: Counts = field(default_factory=Counts)
    continued_from: int = 0
    started: str = field(default_factory=utc_now)
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
            passed_over=self.passed_over.counts,
            continued_from=self.continued_from,
            started=self.started,
            ended=None if exit_code is None else utc_now(),
            files_per_second=round(done / seconds, 2) if done and exit_code is not None else None,
            exit_code=exit_code,
        )
        manifest.write(manifest_path(self.job.out))
        return manifest


def run_scan(job: ScanJob, observer: Observer = _UNOBSERVED) -> RunManifest:
    """Scan into a report, continuing one that an earlier run began.

    A continued report is byte for byte the one that an undisturbed run writes: it is kept up to
    its last whole row, and a film's probability does not depend on the others of its batch.

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
    check_place(REPORT.option, job.out)
    tally = _Tally(job)
    items = job.items(tally.passed_over)
    if job.fresh and job.out.exists():
        set_aside(job.out)
    report = _open(job, items, tally)
    exit_code = ExitCode.ERROR
    try:
        observer.begun(tally.write(None))
        _refuse_too_many(job, report.counts)
        for batch in scan(
            items, job.model, job.decision, batching=job.batching, workers=job.workers
        ):
            report.write(batch)
            observer.written(batch)
            _refuse_too_many(job, report.counts)
        exit_code = ExitCode.SOME_FAILED if report.counts.failed else ExitCode.DONE
    except KeyboardInterrupt:
        exit_code = ExitCode.INTERRUPTED
        raise
    except CxrError as exc:
        exit_code = exc.exit_code
        raise
    finally:
        try:
            report.close()
        finally:
            manifest = tally.write(exit_code)
    observer.ended(manifest)
    return manifest


def _open(job: ScanJob, items: Iterator[ImageItem], tally: _Tally) -> CsvReport:
    """Return the report to append to; ``items`` are then at the first that it lacks."""
    kept = 0
    if is_begun(REPORT, job.out):
        _check_identity(job)
        kept = catch_up(REPORT, job.out, items, printable, lambda row, _: tally.counts.add(row))
    tally.continued_from = tally.counts.rows
    return CsvReport.open(job.out, job.model.tag, kept, tally.counts)


def _check_identity(job: ScanJob) -> None:
    changed = differences(asdict(read_identity(job.out)), asdict(job.identity))
    if changed:
        raise REPORT.refused(job.out, f"was begun otherwise and cannot be continued: {changed}")


def _refuse_too_many(job: ScanJob, counts: Counts) -> None:
    if job.max_failures is not None and counts.failed > job.max_failures:
        raise ReportError(
            f"stopped: {counts.failed} files failed, --max-failures allows {job.max_failures}; "
            "the report can be continued by the same command with a higher limit"
        )
