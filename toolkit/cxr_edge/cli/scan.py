"""``cxr scan``: folders of images to a CSV report."""

import math
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli.tables import listed
from cxr_edge.errors import UsageError
from cxr_edge.isolation.heartbeat import TIMEOUT
from cxr_edge.reports.json_log import JsonLog, tells_errors
from cxr_edge.system.signals import end_once

if TYPE_CHECKING:
    from cxr_edge.cli.progress_bar import Bar
    from cxr_edge.jobs.scan_job import ScanJob
    from cxr_edge.reports.manifest import RunManifest
    from cxr_edge.reports.observer import Unobserved


@tells_errors
def scan(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Files and folders; folders with all below them."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="CSV", help="The report; continued if it exists.")
    ] = Path("report.csv"),
    model: Annotated[
        str, typer.Option(help="'default', a model package, or an .onnx or .tflite file.")
    ] = "default",
    spec: Annotated[
        Path | None, typer.Option(metavar="JSON", help="Spec for a model that carries none.")
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            help="auto (the fastest that works), cpu, cuda, tensorrt, openvino, coreml, directml, "
            "rocm or xnnpack; what is not there is an error."
        ),
    ] = "auto",
    runtime: Annotated[
        str,
        typer.Option(
            help="auto (the fastest here, among the most exact), onnx, litert or openvino."
        ),
    ] = "auto",
    operating_point: Annotated[
        str | None, typer.Option(help="Named threshold of the model: screening, balanced, study.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Threshold of your own, instead of a name.")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="Images a call of the model.", show_default="the fastest here"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Files at work at once.", show_default="usable CPUs"),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, help="Threads of one call of the model, on the CPU.")
    ] = 1,
    no_self_test: Annotated[
        bool,
        typer.Option("--no-self-test", help="Do not run the package's self-test at first use."),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew; keep an old report under a new name.")
    ] = False,
    max_failures: Annotated[
        str | None,
        typer.Option(
            metavar="N|N%", help="Stop with exit code 1 once more files, or a larger share, failed."
        ),
    ] = None,
    quarantine: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Link files that fail into this folder, with a list."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="A file that takes longer fails.")
    ] = TIMEOUT,
    max_memory: Annotated[
        int | None,
        typer.Option(
            min=256, metavar="MB", help="A file that needs more fails.", show_default="80% of free"
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
    log_json: Annotated[
        bool,
        typer.Option(
            "--log-json",
            help="In place of the bar, events on standard error, a JSON object a line.",
        ),
    ] = False,
) -> None:
    """Classify images and write one CSV row for every file taken.

    Taken are JPEG, PNG, TIFF, BMP and DICOM files by their suffix or their first bytes, and
    files without a suffix. Research use only, not a diagnosis.

    Killed and started again, the same command finishes the report. Exit code 3: finished, and
    some files have status 'failed' with a reason, or a folder could not be looked into. Exit
    code 4: this machine does not give what the model package gave where it was made; nothing was
    scanned.
    """
    from cxr_edge.jobs.failure_limit import FailureLimit
    from cxr_edge.jobs.scan_job import ScanJob
    from cxr_edge.jobs.scan_run import run_scan
    from cxr_edge.pipeline.roots import resolve_roots
    from cxr_edge.reports.append_log import check_place
    from cxr_edge.reports.csv_report import REPORT
    from cxr_edge.reports.quarantine import check_quarantine

    if operating_point is not None and threshold is not None:
        raise UsageError("--operating-point and --threshold exclude each other; give one")
    if threshold is not None and math.isnan(threshold):
        raise UsageError("--threshold: expected a number from 0 to 1, got nan")
    limit = None if max_failures is None else FailureLimit(max_failures)
    resolve_roots(paths)
    if quarantine:
        check_quarantine(quarantine, paths)
    check_place(REPORT, out)  # before a model is loaded, which takes longer

    from cxr_edge.isolation.heartbeat import NONE, current_table
    from cxr_edge.isolation.sandbox import MEGABYTE, memory_to_hold
    from cxr_edge.models.batch_size import choose_batching
    from cxr_edge.models.open import open_model
    from cxr_edge.models.self_test import SKIPPED, check_once
    from cxr_edge.pipeline.decision import Decision
    from cxr_edge.reports.manifest import begun_with
    from cxr_edge.system.cpu import usable_cpus

    end_once()
    in_flight = current_table()
    begun = begun_with(out) if not fresh or in_flight.rows != NONE else None
    preferred = begun.preferred if begun else None
    workers = workers or usable_cpus()
    opened = open_model(model, runtime, device, spec, threads=threads, preferred=preferred)
    decision = Decision.of(opened.spec, operating_point, threshold)
    job = ScanJob(
        paths=paths,
        out=out,
        model=opened,
        decision=decision,
        runtime_asked=runtime,
        device_asked=device,
        self_test=SKIPPED if no_self_test else check_once(opened),
        batching=choose_batching(opened, batch_size, workers, preferred),
        workers=workers,
        threads=threads,
        fresh=fresh,
        max_failures=limit,
        quarantine=quarantine,
        in_flight=in_flight,
    )
    in_flight.limit(timeout, MEGABYTE * max_memory if max_memory else memory_to_hold())
    with closing(_observer(job, quiet=quiet, log_json=log_json)) as observer:
        manifest = run_scan(job, observer)
    if not quiet:
        _print_summary(manifest, out)
    raise typer.Exit(manifest.exit_code or 0)


def _observer(job: "ScanJob", *, quiet: bool, log_json: bool) -> "JsonLog | Bar | Unobserved":
    """Return who is told of the scan: a log, a progress bar on a terminal, nobody in a pipe."""
    from cxr_edge.reports.observer import Unobserved
    from cxr_edge.reports.progress import Meter

    if log_json:
        return JsonLog(Meter(job.items()), str(job.out), sys.stderr)
    if quiet or not sys.stderr.isatty():
        return Unobserved()

    from rich.console import Console

    from cxr_edge.cli.progress_bar import Bar

    return Bar(Meter(job.items()), Console(stderr=True))


def _print_summary(manifest: "RunManifest", out: Path) -> None:
    from cxr_edge.notice import NOTICE

    counts, identity = manifest.counts, manifest.identity
    negative, positive = identity.labels
    rows = [
        ("files", counts.rows, _rate(manifest)),
        (f"  {negative}", counts.labels[negative], ""),
        (
            f"  {positive}",
            counts.labels[positive],
            f"threshold {identity.threshold:g} ({manifest.operating_point})",
        ),
        ("flagged", counts.flagged, listed(counts.flags)),
        ("failed", counts.failed, listed(counts.reasons)),
        ("skipped", manifest.passed_over.total(), listed(manifest.passed_over)),
    ]
    wide = max(len(title) for title, _, _ in rows)
    for title, count, remark in rows:
        typer.echo(f"{title:{wide}} {count:>8}  {remark}".rstrip())
    if counts.failed:
        more = ", ..." if counts.failed > len(counts.first_failed) else ""
        typer.echo(f"failed files: {', '.join(counts.first_failed)}{more}")
    if manifest.first_lost:
        first = ", ".join(manifest.first_lost)
        typer.echo(f"could not be looked into, images may be missing; the first: {first}")
    if manifest.changed:
        typer.echo(
            f"changed since their row was written: {manifest.changed} files, the first: "
            f"{', '.join(manifest.first_changed)}; --fresh scans them again"
        )
    typer.echo(
        f"model {identity.model}@{identity.model_sha256[:12]}, {identity.runtime} "
        f"({identity.provider}); report {out}"
    )
    typer.echo(f"runtime {manifest.runtime_asked}: {manifest.runtime_why}")
    typer.echo(f"device {manifest.device_asked}: {manifest.device_why}")
    if not counts.rows:
        typer.echo("no image found: the report holds its header only")
    typer.echo(NOTICE)


def _rate(manifest: "RunManifest") -> str:
    done = manifest.counts.rows - manifest.continued_from
    earlier = f"{manifest.continued_from} by an earlier run" if manifest.continued_from else ""
    if not done:
        return f"{earlier}; nothing left to do" if earlier else ""
    return ", ".join(filter(None, (f"{manifest.files_per_second:.1f} files/s", earlier)))
