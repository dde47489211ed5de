"""``cxr benchmark``: how fast images become rows on this machine."""

import sys
import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.errors import ExitCode, UsageError
from cxr_edge.extras import needs_extra

if TYPE_CHECKING:
    from cxr_edge.benchmark.rows import Row, Setting

_AUTO = "auto"

_COLUMNS = (
    "runtime",
    "batch",
    "workers",
    "threads",
    "decode",
    "inference",
    "end to end",
    "ideal",
    "share",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "peak MB",
)


def benchmark(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] DIR",
            help="'default', which may be left out, a package, or an .onnx or .tflite file; and a "
            "folder of images.",
        ),
    ],
    runtime: Annotated[
        list[str], typer.Option(metavar="NAME,...", help="auto, or runtimes by name.")
    ] = [_AUTO],  # noqa: B006  (typer copies it)
    device: Annotated[
        list[str], typer.Option(metavar="NAME,...", help="auto, or devices by name.")
    ] = [_AUTO],  # noqa: B006
    batch_size: Annotated[
        list[str], typer.Option(metavar="N,...", help="Images a call; auto is the fastest here.")
    ] = [_AUTO],  # noqa: B006
    workers: Annotated[
        list[str], typer.Option(metavar="N,...", help="Files at work at once; auto: usable CPUs.")
    ] = [_AUTO],  # noqa: B006
    threads: Annotated[
        list[str], typer.Option(metavar="N,...", help="Threads of one call of the model.")
    ] = ["1"],  # noqa: B006
    images: Annotated[
        int, typer.Option(min=1, help="Images a pass: the first of DIR, repeated if too few.")
    ] = 300,
    rounds: Annotated[int, typer.Option(min=1, help="Passes of each kind; medians count.")] = 3,
    spec: Annotated[
        Path | None, typer.Option(metavar="JSON", help="Spec for a model that carries none.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all figures as JSON, too.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Draw the rates, too; needs the extra 'evaluate'."),
    ] = None,
) -> None:
    """Measure decode, inference and the whole scan, each beside what this machine could do.

    Every combination of the options is a row, measured in a process of its own. Options can be
    given several times, or several values with commas between them. Exit code 1 if no combination
    can run.
    """
    if len(words) > 2:
        raise UsageError(f"expected at most a model and a folder, got {' '.join(words)}")
    reference, folder = words[0] if len(words) == 2 else "default", Path(words[-1])
    settings = _settings(runtime, device, batch_size, workers, threads)
    for file in (json_file, plot):
        _check_target(file)
    if plot:
        with needs_extra("cxr benchmark --plot", "evaluate"):
            from cxr_edge.benchmark.plot import draw_rates

    from cxr_edge.benchmark.measure import Plan, gather, measure
    from cxr_edge.benchmark.rows import write_json
    from cxr_edge.models.locate import model_path

    if not model_path(reference).exists():
        raise UsageError(f"expected a model, {reference} does not exist")
    rows = []
    with tempfile.TemporaryDirectory(prefix="cxr-benchmark-") as scratch:
        plan = Plan(reference, Path(scratch, "images"), Path(scratch, "report.csv"), rounds, spec)
        plan.images.mkdir()
        distinct = gather(folder, images, plan.images)
        for setting in settings:
            if sys.stderr.isatty():
                typer.echo(f"measuring {setting}", err=True)
            rows.append(measure(plan, setting))
    _print(rows)
    ran = any(row.figures for row in rows)
    typer.echo(
        f"images a pass {images}, different {distinct}, rounds {rounds}; rates are images a second"
    )
    if json_file:
        write_json(rows, json_file, images, distinct, rounds)
        typer.echo(f"wrote {json_file}")
    if plot and ran:
        draw_rates(rows, plot)
        typer.echo(f"wrote {plot}")
    if not ran:
        raise typer.Exit(ExitCode.ERROR)


def _settings(
    runtimes: Sequence[str],
    devices: Sequence[str],
    batch_sizes: Sequence[str],
    workers: Sequence[str],
    threads: Sequence[str],
) -> "list[Setting]":
    """Return every combination."""
    from cxr_edge.benchmark.rows import Setting
    from cxr_edge.models.registry import RUNTIMES
    from cxr_edge.system.cpu import usable_cpus

    names = _split(runtimes)
    for name in names:
        if name not in (_AUTO, *RUNTIMES):
            raise UsageError(f"--runtime: expected {_AUTO}, {', '.join(RUNTIMES)}, got {name!r}")
    sizes = [
        None if word == _AUTO else _number(word, "--batch-size") for word in _split(batch_sizes)
    ]
    counts = [
        usable_cpus() if word == _AUTO else _number(word, "--workers") for word in _split(workers)
    ]
    each = [_number(word, "--threads") for word in _split(threads)]
    return [
        Setting(*values)
        for values in dict.fromkeys(product(names, _split(devices), sizes, counts, each))
    ]


def _split(words: Sequence[str]) -> list[str]:
    return [part.strip() for word in words for part in word.split(",")]


def _number(word: str, option: str) -> int:
    if not word.isdecimal() or not int(word):
        raise UsageError(f"{option}: expected whole numbers from 1, got {word!r}")
    return int(word)


def _check_target(file: Path | None) -> None:
    """Check a place before anything is measured for it."""
    if file and (file.is_dir() or not file.parent.is_dir()):
        raise UsageError(f"expected a file in a folder that exists, got {file}")


def _print(rows: "Sequence[Row]") -> None:
    from cxr_edge.cli.tables import print_table

    print_table(_COLUMNS, [_cells(row) for row in rows])
    for row in rows:
        if row.error:
            typer.echo(f"cannot run: {row.asked}: {row.error}")


def _cells(row: "Row") -> list[str]:
    found, asked = row.figures, row.asked
    counts = [str(asked.workers), str(asked.threads)]
    if found is None:
        size = str(asked.batch_size or _AUTO)
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
