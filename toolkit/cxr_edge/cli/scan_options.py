"""Options of ``cxr scan``, in groups."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.choices import DeviceName, RuntimeName
from cxr_edge.cli.common_options import Quiet, Timeout, Workers
from cxr_edge.isolation.heartbeat import TIMEOUT


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
