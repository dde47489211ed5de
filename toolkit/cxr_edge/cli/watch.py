"""``cxr watch``: an inbox of images to a report for each day."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.interruption import continuable
from cxr_edge.cli.numbers import bounds
from cxr_edge.cli.option_groups import with_option_groups
from cxr_edge.cli.page_options import Thumbnails, picture_count
from cxr_edge.cli.run_display import (
    count_line,
    failed_lines,
    label_lines,
    print_summary,
    skipped_line,
)
from cxr_edge.cli.scan_options import LimitOptions, ModelOptions, SpeedOptions, scan_config
from cxr_edge.isolation.heartbeat import current_table
from cxr_edge.system.plural import counted
from cxr_edge.system.ranges import PORT, SECONDS
from cxr_edge.system.signals import end_once

if TYPE_CHECKING:
    from cxr_edge.reports.metrics import Metrics
    from cxr_edge.reports.run_manifest import RunManifest
    from cxr_edge.spec.model_spec import ModelSpec

LOOPBACK = "127.0.0.1"


class Then(StrEnum):
    """Place of a file once its row is written."""

    LEAVE = "leave"
    MOVE = "move"


@dataclass(frozen=True)
class InboxOptions:
    """Options of the inbox."""

    then: Annotated[
        Then,
        typer.Option(
            metavar="leave|move",
            help="Leave files once their rows are written, or move them: to DIR/done/DAY, and "
            "those that failed to DIR/failed/DAY. No file is ever replaced.",
            rich_help_panel=panels.INPUT,
        ),
    ] = Then.LEAVE
    settle: Annotated[
        float,
        typer.Option(
            **bounds(SECONDS),
            metavar="SECONDS",
            help="A file is whole once its size and times have stayed for so long.",
            rich_help_panel=panels.INPUT,
        ),
    ] = 2.0
    poll: Annotated[
        float | None,
        typer.Option(
            **bounds(SECONDS),
            metavar="SECONDS",
            help="Look into the inbox every so often, and do without the system's notices of new "
            "files.",
            show_default="notices; 2 without any",
            rich_help_panel=panels.INPUT,
        ),
    ] = None
    once: Annotated[
        bool,
        typer.Option(
            "--once",
            help="Take the files that are there, print counts of them, and end.",
            rich_help_panel=panels.INPUT,
        ),
    ] = False


@dataclass(frozen=True)
class DayOptions:
    """Options of the reports and of what is told."""

    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder of the reports: DIR/2026-01-31.csv and .html, and DIR/health.json.",
            rich_help_panel=panels.OUTPUT,
        ),
    ]
    page_every: Annotated[
        float,
        typer.Option(
            **bounds(SECONDS),
            metavar="SECONDS",
            help="Least time between two worklists of the day.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = 300.0
    thumbnails: Thumbnails = None
    metrics_port: Annotated[
        int | None,
        typer.Option(
            **bounds(PORT),
            help="Port at which Prometheus reads metrics.",
            show_default="none",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None
    metrics_address: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address of that port; by default, only this machine reaches it.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = LOOPBACK


@with_option_groups
def watch(
    inbox: Annotated[
        Path, typer.Argument(metavar="INBOX", help="Folder to watch, with everything below it.")
    ],
    arriving: InboxOptions,
    day: DayOptions,
    model: ModelOptions,
    limits: LimitOptions,
    speed: SpeedOptions,
) -> None:
    """Watch a folder, and classify images as they arrive: a report and a worklist for each day.

    Each file gets one row in DIR/DAY.csv, once it is whole. It is not scored again, as long as its
    path and bytes are the same and DIR has the report. Links are left alone. The watch runs until
    it gets SIGTERM or Ctrl-C, and goes on when it is started again, however it ended. Research use
    only, not a diagnosis.

    Exit code 0: it was asked to stop. Exit code 3: with --once, some of the files that it
    took failed. Exit code 4: the self-test failed; nothing was scanned.
    """
    pictures = picture_count(day.thumbnails)
    with continuable(lambda: "run the same command again to go on"):
        from cxr_edge.jobs.watch_folder import watch as run
        from cxr_edge.jobs.watch_job import WatchJob, local_today, open_session

        table = current_table()
        end_once()
        config = scan_config(model, limits, speed)
        session = open_session(config, inbox, day.out, local_today(), table)
        for warning in session.warnings:
            _tell(f"warning: {warning}")
        limits.set_limits(table)
        job = WatchJob(
            inbox,
            day.out,
            session,
            move=arriving.then is Then.MOVE,
            settle=arriving.settle,
            poll=arriving.poll,
            page_every=day.page_every,
            pictures=pictures,
            once=arriving.once,
            metrics=_metrics(day, session.model.spec),
            tell=_tell,
            ended=lambda manifest: print_summary(_summary(manifest)),
            in_flight=table,
        )
        code = run(job)
    raise typer.Exit(code)


def _metrics(day: DayOptions, spec: "ModelSpec") -> "Metrics | None":
    if day.metrics_port is None:
        return None

    from cxr_edge.reports.metrics import Metrics
    from cxr_edge.spec.review_band import REVIEW

    labels = dict.fromkeys([*spec.labels, REVIEW])
    return Metrics.served(list(labels), day.metrics_port, day.metrics_address)


def _summary(manifest: "RunManifest") -> Iterator[str]:
    """Yield the lines on the files of one run."""
    counts = manifest.counts
    yield counted(counts.rows, "new file", "new files")
    if counts.rows:
        yield from label_lines(manifest)
        yield count_line("flagged", counts.flagged, counts.flags)
        yield from failed_lines(counts)
    yield skipped_line(manifest.skipped)


def _tell(line: str) -> None:
    """Print a line to standard error; nobody may be there to read it."""
    with suppress(OSError):
        typer.echo(line, err=True)
