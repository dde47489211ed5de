"""``cxr scan``: folders of images to a CSV report."""

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.choices import DeviceName, RuntimeName
from cxr_edge.cli.common_options import Quiet, Timeout, Workers
from cxr_edge.cli.interruption import continuable
from cxr_edge.cli.option_groups import with_option_groups
from cxr_edge.cli.run_display import NOT_READ, bars, count_line, files_line, skipped_line
from cxr_edge.isolation.heartbeat import TIMEOUT, current_table
from cxr_edge.system.signals import end_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxr_edge.jobs.scan_job import ScanJob
    from cxr_edge.jobs.session import ScanConfig
    from cxr_edge.pipeline.outcome import Outcome
    from cxr_edge.reports.run_manifest import RunManifest
    from cxr_edge.reports.sink import Sink


def _named(choices: type[StrEnum]) -> str:
    """Return the choices but ``auto``, for a help text."""
    *names, last = list(choices)[1:]
    return f"{', '.join(names)} or {last}"


@dataclass(frozen=True)
class ModelOptions:
    """Options of the model and its threshold."""

    model: Annotated[
        str,
        typer.Option(
            help="'default', a model package, or an .onnx or .tflite file.",
            rich_help_panel=panels.MODEL,
        ),
    ] = "default"
    spec: Annotated[
        Path | None,
        typer.Option(
            metavar="JSON",
            help="Spec file for a model that carries none.",
            rich_help_panel=panels.MODEL,
        ),
    ] = None
    runtime: Annotated[
        RuntimeName,
        typer.Option(
            metavar="NAME",
            help=f"auto (fastest installed runtime at full precision), {_named(RuntimeName)}.",
            rich_help_panel=panels.MODEL,
        ),
    ] = RuntimeName.AUTO
    device: Annotated[
        DeviceName,
        typer.Option(
            metavar="NAME",
            help=f"auto (fastest device that works), {_named(DeviceName)}. An unavailable device "
            "is an error, never a silent fallback to the CPU.",
            rich_help_panel=panels.MODEL,
        ),
    ] = DeviceName.AUTO
    operating_point: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Named threshold of the model.",
            show_default="the model's",
            rich_help_panel=panels.MODEL,
        ),
    ] = None
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Threshold as a number, in place of a name.",
            rich_help_panel=panels.MODEL,
        ),
    ] = None


@dataclass(frozen=True)
class OutputOptions:
    """Options of the report and of what is printed."""

    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="CSV",
            help="Report to write; an existing one is continued.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = Path("report.csv")
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Start over; an existing report is kept under another name.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = False
    quarantine: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for copies of the files that fail, and a list of them.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None
    quiet: Quiet = False
    log_json: Annotated[
        bool,
        typer.Option(
            "--log-json",
            help="Write events to standard error, one JSON object per line, in place of the "
            "progress bar.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = False


@dataclass(frozen=True)
class SafetyOptions:
    """Options of the self-test and the limits."""

    self_test: Annotated[
        bool,
        typer.Option(
            help="Test a model package before its first use on this machine.",
            rich_help_panel=panels.SAFETY,
        ),
    ] = True
    max_failures: Annotated[
        str | None,
        typer.Option(
            metavar="N|N%",
            help="Stop with exit code 1 when more files fail than this number or share.",
            show_default="no limit",
            rich_help_panel=panels.SAFETY,
        ),
    ] = None
    timeout: Timeout = TIMEOUT
    max_memory: Annotated[
        int | None,
        typer.Option(
            min=256,
            metavar="MB",
            help="Memory limit; a file that needs more fails.",
            show_default="80% of free",
            rich_help_panel=panels.SAFETY,
        ),
    ] = None


@dataclass(frozen=True)
class SpeedOptions:
    """Options that change how fast a scan is, and nothing in its report."""

    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Images per model call.",
            show_default="the fastest",
            rich_help_panel=panels.SPEED,
        ),
    ] = None
    workers: Workers = None
    threads: Annotated[
        int,
        typer.Option(min=1, help="CPU threads per model call.", rich_help_panel=panels.SPEED),
    ] = 1


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
        return bars(job.candidates, quiet=output.quiet)

    from cxr_edge.reports.json_log import JsonLog
    from cxr_edge.reports.progress import Meter

    return [JsonLog(Meter(job.candidates()), str(job.out), sys.stderr)]


def _print_summary(manifest: "RunManifest", out: Path) -> None:
    from cxr_edge.notice import NOTICE

    counts, identity = manifest.counts, manifest.identity
    typer.echo(files_line(manifest, "report"))
    wide = max(map(len, identity.labels))
    for label in identity.labels:
        typer.echo(f"  {label:{wide}} {counts.labels[label]:>7}")
    typer.echo(count_line("flagged", counts.flagged, counts.flags))
    typer.echo(count_line("failed", counts.failed, counts.reasons))
    if counts.failed:
        typer.echo(f"failed files: {_first(counts.first_failed, counts.failed)}")
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
    typer.echo(NOTICE)


def _chosen(name: str, why: str) -> str:
    """Return a choice and its reason, without one pair of parentheses in another."""
    return f"{name}, {why}" if "(" in why else f"{name} ({why})"


def _first(names: list[str], count: int) -> str:
    return ", ".join(names) + (f" and {count - len(names)} more" if count > len(names) else "")
