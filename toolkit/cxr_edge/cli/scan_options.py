"""Options of ``cxr scan``, in groups."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.choices import DeviceName, ReportFormat, RuntimeName
from cxr_edge.cli.common_options import (
    AllowNondeterministic,
    DeviceChoice,
    ModelReference,
    OnInputCheckChoice,
    Quiet,
    ReviewBand,
    RuntimeChoice,
    SpecFile,
    Timeout,
    Workers,
)
from cxr_edge.cli.numbers import bounds
from cxr_edge.cli.page_options import Thumbnails
from cxr_edge.errors import UsageError
from cxr_edge.isolation.heartbeat import TIMEOUT
from cxr_edge.system.ranges import BATCH_SIZE, MEGABYTES, SHARE, THREADS

if TYPE_CHECKING:
    from cxr_edge.isolation.heartbeat import InFlightTable
    from cxr_edge.jobs.failure_limit import FailureLimit
    from cxr_edge.jobs.session import ScanConfig


@dataclass(frozen=True)
class ModelOptions:
    """Options of the model and its threshold."""

    model: ModelReference = "default"
    spec: SpecFile = None
    runtime: RuntimeChoice = RuntimeName.AUTO
    device: DeviceChoice = DeviceName.AUTO
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
            **bounds(SHARE),
            help="Threshold as a number, in place of a name.",
            rich_help_panel=panels.MODEL,
        ),
    ] = None
    review_band: ReviewBand = False
    on_input_check: OnInputCheckChoice = None


@dataclass(frozen=True)
class OutputOptions:
    """Options of the report and of what is printed."""

    named_out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="CSV",
            help="Report to write; an existing one is continued. '-' is standard output.",
            show_default="report.csv",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None
    formats: Annotated[
        list[ReportFormat] | None,
        typer.Option(
            "--format",
            help="Also write the rows as report.jsonl or report.parquet beside the CSV, once all "
            "are there. Repeat the option for both.",
            show_default="csv",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Start over; an existing report is kept under another name.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = False
    add_new: Annotated[
        bool,
        typer.Option(
            "--add-new",
            help="Scan the files that an existing report lacks, and append their rows.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = False
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed",
            help="Scan the failed files of an existing report again, and take over its other "
            "rows; it is kept under another name.",
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
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="HTML",
            help="Page of the report, as 'cxr report' writes it; one that it wrote is replaced.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None
    thumbnails: Thumbnails = None
    heatmaps: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for heat maps: DIR/PATH.png shows where in an image the model found its "
            "evidence. Needs a model that gives some, as the bundled one does.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None
    heatmaps_for: Annotated[
        str | None,
        typer.Option(
            metavar="IMAGES",
            help="Images with a heat map: positives, those at or over the threshold, also if they "
            "are labelled review; review, all others of that label too; all; or top:N, the N most "
            "probable.",
            show_default="positives",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None
    quiet: Quiet = False
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print the summary as JSON, on one line.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = False
    log_json: Annotated[
        bool,
        typer.Option(
            "--log-json",
            help="Write events to standard error, one JSON object per line, in place of the "
            "progress bar.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = False

    @property
    def out(self) -> Path:
        """Report to write."""
        return self.named_out or Path("report.csv")


@dataclass(frozen=True)
class LimitOptions:
    """Options of the self-test and the limits of a file."""

    self_test: Annotated[
        bool,
        typer.Option(
            help="Test a model package before its first use on this machine.",
            rich_help_panel=panels.SAFETY,
        ),
    ] = True
    allow_nondeterministic: AllowNondeterministic = False
    timeout: Timeout = TIMEOUT
    max_memory: Annotated[
        int | None,
        typer.Option(
            **bounds(MEGABYTES),
            metavar="MB",
            help="Memory limit; a file that needs more fails.",
            show_default="80% of free",
            rich_help_panel=panels.SAFETY,
        ),
    ] = None

    def set_limits(self, table: "InFlightTable") -> None:
        """Let the supervisor know the limits."""
        from cxr_edge.isolation.sandbox import MEGABYTE, memory_to_hold

        memory = MEGABYTE * self.max_memory if self.max_memory else memory_to_hold()
        table.limit(self.timeout, memory)


@dataclass(frozen=True)
class SafetyOptions(LimitOptions):
    """Options of the self-test and all limits."""

    max_failures: Annotated[
        str | None,
        typer.Option(
            metavar="N|N%",
            help="Stop with exit code 1 when more files fail than this number or share.",
            show_default="no limit",
            rich_help_panel=panels.SAFETY,
        ),
    ] = None

    @property
    def failure_limit(self) -> "FailureLimit | None":
        """Limit on failed files, None where there is none."""
        if self.max_failures is None:
            return None

        from cxr_edge.jobs.failure_limit import FailureLimit

        return FailureLimit(self.max_failures)


@dataclass(frozen=True)
class SpeedOptions:
    """Options that change how fast a scan is, and nothing in its report."""

    batch_size: Annotated[
        int | None,
        typer.Option(
            **bounds(BATCH_SIZE),
            help="Images per model call.",
            show_default="the fastest",
            rich_help_panel=panels.SPEED,
        ),
    ] = None
    workers: Workers = None
    threads: Annotated[
        int | None,
        typer.Option(
            **bounds(THREADS),
            help="CPU threads per model call.",
            show_default="1, or as chosen for this machine",
            rich_help_panel=panels.SPEED,
        ),
    ] = None


def scan_config(model: ModelOptions, limits: LimitOptions, speed: SpeedOptions) -> "ScanConfig":
    """Return the settings of a session that the options ask for."""
    from cxr_edge.jobs.session import ScanConfig

    if model.operating_point is not None and model.threshold is not None:
        raise UsageError("--operating-point and --threshold exclude each other; give one")
    return ScanConfig(
        model=model.model,
        spec=model.spec,
        runtime=model.runtime.value,
        device=model.device.value,
        operating_point=model.operating_point,
        threshold=model.threshold,
        review_band=model.review_band,
        on_input_check=model.on_input_check,
        batch_size=speed.batch_size,
        workers=speed.workers,
        threads=speed.threads,
        self_test=limits.self_test,
        allow_nondeterministic=limits.allow_nondeterministic,
    )
