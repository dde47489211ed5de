"""``cxr scan``: folders of images to a CSV report."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli.interruption import continuable
from cxr_edge.cli.option_groups import with_option_groups
from cxr_edge.cli.run_display import NOT_READ, bars, count_line, files_line, skipped_line
from cxr_edge.cli.scan_options import ModelOptions, OutputOptions, SafetyOptions, SpeedOptions
from cxr_edge.isolation.heartbeat import current_table
from cxr_edge.system.printable import first_names
from cxr_edge.system.signals import end_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxr_edge.jobs.scan_job import ScanJob
    from cxr_edge.jobs.session import ScanConfig
    from cxr_edge.pipeline.outcome import Outcome
    from cxr_edge.reports.run_manifest import RunManifest
    from cxr_edge.reports.sink import Sink


@with_option_groups
def scan(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Files and folders; a folder with everything below it."
        ),
    ],
    model: ModelOptions,
    output: OutputOptions,
    safety: SafetyOptions,
    speed: SpeedOptions,
) -> None:
    """Classify images, and write one CSV row for every file taken.

    Files are taken if they are JPEG, PNG, TIFF, BMP or DICOM, by suffix or first bytes, and if
    they have no suffix. Research use only, not a diagnosis.

    An interrupted scan continues when you run the same command again.

    Exit code 3: the scan finished, but some files failed, each with a reason in its row, or a
    folder could not be read. Exit code 4: the self-test failed; nothing was scanned.
    """
    with continuable("report", log_json=output.log_json):
        from cxr_edge.isolation.sandbox import MEGABYTE, memory_to_hold
        from cxr_edge.jobs.failure_limit import FailureLimit
        from cxr_edge.jobs.scan_job import ScanJob
        from cxr_edge.jobs.scan_run import run_scan

        limit = None if safety.max_failures is None else FailureLimit(safety.max_failures)
        table = current_table()
        end_once()
        job = ScanJob.open(
            _config(model, safety, speed),
            paths,
            output.out,
            fresh=output.fresh,
            max_failures=limit,
            quarantine=output.quarantine,
            in_flight=table,
        )
        memory = MEGABYTE * safety.max_memory if safety.max_memory else memory_to_hold()
        table.limit(safety.timeout, memory)
        manifest = run_scan(job, _sinks(job, output))
    if not output.quiet:
        _print_summary(manifest, output.out)
    raise typer.Exit(manifest.exit_code or 0)


def _config(model: ModelOptions, safety: SafetyOptions, speed: SpeedOptions) -> "ScanConfig":
    from cxr_edge.jobs.session import ScanConfig

    return ScanConfig(
        model=model.model,
        spec=model.spec,
        runtime=model.runtime.value,
        device=model.device.value,
        operating_point=model.operating_point,
        threshold=model.threshold,
        batch_size=speed.batch_size,
        workers=speed.workers,
        threads=speed.threads,
        self_test=safety.self_test,
    )


def _sinks(job: "ScanJob", output: OutputOptions) -> "Sequence[Sink[Outcome]]":
    """Return the sink that shows the scan: a log, or a progress bar on a terminal."""
    if not output.log_json:
        return bars(job.sources.candidates, quiet=output.quiet)

    from cxr_edge.reports.json_log import JsonLog
    from cxr_edge.reports.progress import Meter

    return [JsonLog(Meter(job.sources.candidates()), str(job.out), sys.stderr)]


def _print_summary(manifest: "RunManifest", out: Path) -> None:
    counts, identity = manifest.counts, manifest.identity
    typer.echo(files_line(manifest, "report"))
    wide = max(map(len, identity.labels))
    for label in identity.labels:
        typer.echo(f"  {label:{wide}} {counts.labels[label]:>7}")
    typer.echo(count_line("flagged", counts.flagged, counts.flags))
    typer.echo(count_line("failed", counts.failed, counts.reasons))
    if counts.failed:
        typer.echo(f"failed files: {first_names(counts.first_failed, counts.failed)}")
    typer.echo(skipped_line(manifest.skipped))
    if manifest.not_read:
        typer.echo(f"{NOT_READ}; first: {', '.join(manifest.first_lost)}")
    if manifest.changed:
        files = "1 file has" if manifest.changed == 1 else f"{manifest.changed} files have"
        typer.echo(
            f"{files} changed since they were scanned (first: "
            f"{', '.join(manifest.first_changed)}); --fresh scans everything again"
        )
    if not counts.rows:
        typer.echo("no images found: the report has its header only")
    typer.echo(f"report: {out}")
    typer.echo(f"model: {identity.model}@{identity.model_sha256[:12]}")
    typer.echo(f"threshold: {identity.threshold:g} ({manifest.operating_point})")
    typer.echo(f"runtime: {_chosen(identity.runtime, manifest.runtime_why)}")
    device = identity.provider.removesuffix("ExecutionProvider")
    typer.echo(f"device: {_chosen(device, manifest.device_why)}")
    typer.echo(manifest.notice)


def _chosen(name: str, why: str) -> str:
    """Return a choice and its reason, without one pair of parentheses in another."""
    return f"{name}, {why}" if "(" in why else f"{name} ({why})"
