"""``cxr benchmark``: how fast images become rows on this machine."""

import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.choices import DeviceName, RuntimeName
from cxr_edge.cli.common_options import (
    DEVICE_HELP,
    REPEATABLE,
    RUNTIME_HELP,
    ExistingModel,
    SpecFile,
)
from cxr_edge.cli.numbers import bounds
from cxr_edge.cli.output_files import OverwriteOption, check_files
from cxr_edge.errors import ExitCode, UsageError
from cxr_edge.extras import needs_extra
from cxr_edge.system.progress import stage
from cxr_edge.system.ranges import BATCH_SIZE, IMAGES, ROUNDS, THREADS, WORKERS

if TYPE_CHECKING:
    from cxr_edge.benchmark.measure import BenchmarkPlan
    from cxr_edge.benchmark.rows import BenchmarkRow, Setting

_COLUMNS: Final = (
    "runtime",
    "images per model call",
    "files in parallel",
    "threads per model call",
    "decode rate",
    "inference rate",
    "end-to-end rate",
    "ideal rate",
    "share of ideal",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "peak MB",
)


def benchmark(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Folder of images to measure with.",
        ),
    ],
    images: Annotated[
        int,
        typer.Option(
            **bounds(IMAGES),
            help="Images per pass: the first of DIR, repeated if there are fewer.",
            rich_help_panel=panels.INPUT,
        ),
    ] = 300,
    model: ExistingModel = "default",
    spec: SpecFile = None,
    runtime: Annotated[
        list[RuntimeName],
        typer.Option(
            metavar="RUNTIME", help=f"{RUNTIME_HELP} {REPEATABLE}", rich_help_panel=panels.MODEL
        ),
    ] = [RuntimeName.AUTO],  # noqa: B006  (typer copies it)
    device: Annotated[
        list[DeviceName],
        typer.Option(
            metavar="DEVICE", help=f"{DEVICE_HELP} {REPEATABLE}", rich_help_panel=panels.MODEL
        ),
    ] = [DeviceName.AUTO],  # noqa: B006
    batch_size: Annotated[
        list[int] | None,
        typer.Option(
            **bounds(BATCH_SIZE),
            help="Images per model call; repeatable.",
            show_default="the fastest here",
            rich_help_panel=panels.SPEED,
        ),
    ] = None,
    workers: Annotated[
        list[int] | None,
        typer.Option(
            **bounds(WORKERS),
            help="Files processed in parallel; repeatable.",
            show_default="usable CPUs",
            rich_help_panel=panels.SPEED,
        ),
    ] = None,
    threads: Annotated[
        list[int],
        typer.Option(
            **bounds(THREADS),
            help="CPU threads per model call; repeatable.",
            rich_help_panel=panels.SPEED,
        ),
    ] = [1],  # noqa: B006
    rounds: Annotated[
        int,
        typer.Option(
            **bounds(ROUNDS),
            help="Passes of each kind; their median counts.",
            rich_help_panel=panels.SPEED,
        ),
    ] = 3,
    choose: Annotated[
        bool,
        typer.Option(
            "--choose",
            help="Measure all artefacts of the package that passed parity, and keep the fastest in "
            "device.json, which 'cxr scan' and 'cxr watch' follow.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = False,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Also write all figures as JSON.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG",
            help="Also draw the rates; needs the extra 'evaluate'.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Measure how fast this machine decodes, scores and scans images.

    Every combination of the repeatable options is a row, measured in a process of its own, beside
    the rate that this machine's CPUs would allow. Exit code 1: no combination can run.

    With --choose the rows are the artefacts of the package, each by the runtimes that run it; a
    less exact artefact is kept if it is faster by a tenth and passes its self-test here.
    """
    if choose and (json_file or plot or len(batch_size or ()) > 1 or len(workers or ()) > 1):
        raise UsageError(
            "--choose: expected no --json or --plot, and at most one --batch-size and one "
            "--workers; leave them out"
        )
    check_files({"--json": json_file, "--plot": plot}, overwrite=overwrite)
    if plot:
        if plot.suffix.lower() != ".png":
            raise UsageError(f"--plot: expected the name of a .png file, got {plot}")
        with needs_extra("cxr benchmark --plot", "evaluate"):
            from cxr_edge.benchmark.plot import draw_rates

    from cxr_edge.benchmark.images import link_images
    from cxr_edge.benchmark.measure import BenchmarkPlan, measure
    from cxr_edge.benchmark.rows import write_json

    settings = _settings(runtime, device, batch_size, workers, threads)
    rows = []
    with tempfile.TemporaryDirectory(prefix="cxr-benchmark-") as scratch:
        plan = BenchmarkPlan(model, Path(scratch, "images"), Path(scratch, "r.csv"), rounds, spec)
        plan.images.mkdir()
        distinct = link_images(folder, images, plan.images)
        if choose:
            allowed = [name for name in runtime if name != RuntimeName.AUTO]
            _choose(plan, allowed, threads, settings[0])
            return
        for setting in settings:
            with stage(f"measuring {setting}"):
                rows.append(measure(plan, setting))
    _print(rows)
    typer.echo(
        f"{images} images per pass ({distinct} different), {rounds} "
        f"round{'s' * (rounds > 1)}; rates are images per second"
    )
    if json_file:
        write_json(rows, json_file, images, distinct, rounds)
        typer.echo(f"wrote {json_file}")
    if not any(row.figures for row in rows):
        raise typer.Exit(ExitCode.ERROR)
    if plot:
        draw_rates(rows, plot)
        typer.echo(f"wrote {plot}")


def _choose(
    plan: "BenchmarkPlan", runtimes: Sequence[str], threads: Sequence[int], setting: "Setting"
) -> None:
    """Measure what can be chosen from, keep the fastest, and say why."""
    from cxr_edge.benchmark.choose import choose, measure_option, options_of
    from cxr_edge.cli.tables import print_table
    from cxr_edge.models.device_choice import write_choice
    from cxr_edge.models.locate import model_path

    package = model_path(plan.reference)
    options = options_of(package, list(map(str, runtimes)), threads)
    measured = []
    for option in options:
        with stage(f"measuring {option}"):
            measured.append(measure_option(plan, package, option, setting))
    print_table(
        ("artefact", "runtime", "threads per model call", "end-to-end rate", "p50 ms", "peak MB"),
        [
            [
                one.option.artefact,
                one.option.runtime,
                str(one.option.threads),
                *(
                    (
                        f"{found.end_to_end_rate:.1f}",
                        f"{found.p50_ms:.1f}",
                        f"{found.peak_bytes / 1e6:.0f}",
                    )
                    if (found := one.row.figures)
                    else ("-", "-", "-")
                ),
            ]
            for one in measured
        ],
    )
    for one in measured:
        if one.row.error:
            typer.echo(f"cannot run: {one.option}: {one.row.error}")
    choice, left_out = choose(package, measured)
    for line in left_out:
        typer.echo(f"left out: {line}")
    path = write_choice(package, choice)
    typer.echo(f"{choice.artefact} by {choice.runtime}: {choice.why}")
    typer.echo(f"wrote {path}; 'cxr scan --runtime auto' and 'cxr watch' follow it on this machine")


def _settings(
    runtimes: Sequence[str],
    devices: Sequence[str],
    batch_sizes: Sequence[int] | None,
    workers: Sequence[int] | None,
    threads: Sequence[int],
) -> "list[Setting]":
    """Return every combination once."""
    from cxr_edge.benchmark.rows import Setting
    from cxr_edge.system.cpu import usable_cpus

    sizes: Sequence[int | None] = batch_sizes or [None]
    names, places = map(str, runtimes), map(str, devices)
    combinations = product(names, places, sizes, workers or [usable_cpus()], threads)
    return [Setting(*values) for values in dict.fromkeys(combinations)]


def _print(rows: "Sequence[BenchmarkRow]") -> None:
    from cxr_edge.cli.tables import print_table

    print_table(_COLUMNS, [_cells(row) for row in rows])
    for row in rows:
        if row.error:
            typer.echo(f"cannot run: {row.asked}: {row.error}")


def _cells(row: "BenchmarkRow") -> list[str]:
    found, asked = row.figures, row.asked
    counts = [str(asked.workers), str(asked.threads)]
    if found is None:
        size = str(asked.batch_size or "auto")
        missing = ["-"] * (len(_COLUMNS) - 4)
        return [f"{asked.runtime} ({asked.device})", size, *counts, *missing]
    rates = (found.decode_rate, found.inference_rate, found.end_to_end_rate, found.ideal_rate)
    return [
        f"{found.runtime} ({found.provider})",
        str(found.batch_size),
        *counts,
        *(f"{rate:.1f}" for rate in rates),
        f"{100 * found.share:.0f}%",
        *(f"{ms:.1f}" for ms in (found.p50_ms, found.p95_ms, found.p99_ms)),
        f"{found.peak_bytes / 1e6:.0f}",
    ]
