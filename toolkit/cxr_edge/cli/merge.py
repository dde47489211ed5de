"""``cxr merge``: one report of shards, or of several reports."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.common_options import Quiet
from cxr_edge.cli.run_display import (
    count_line,
    files_line,
    label_lines,
    print_summary,
    threshold_lines,
)
from cxr_edge.errors import ExitCode

if TYPE_CHECKING:
    from cxr_edge.jobs.merge import MergedManifest


def merge(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Folder of shards of 'cxr scan --shards'; or several of them, and finished "
            "reports of 'cxr scan' or 'cxr watch'.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="CSV",
            help="New report; must not exist.",
            rich_help_panel=panels.OUTPUT,
        ),
    ],
    quiet: Quiet = False,
) -> None:
    """Make one report of a folder of shards, or of the reports of several sites or days.

    The report of shards is the one that 'cxr scan' writes of the same files. A shard that is
    missing, double or not as it was written is an error, and nothing is written.

    With several sources, the path of each row starts with the name of its source. All must have
    been made with the same model and settings. The sources stay as they are. Exit code 3 if files
    failed in a scan.
    """
    from cxr_edge.jobs.merge import MergeJob
    from cxr_edge.jobs.merge import merge as write_merged

    manifest = write_merged(MergeJob(sources, out))
    if not quiet:
        print_summary(_summary_lines(manifest, out))
    if manifest.exit_code == ExitCode.SOME_FAILED:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _summary_lines(manifest: "MergedManifest", out: Path) -> Iterator[str]:
    for source in manifest.merged_from:
        if source["name"]:
            yield f"{source['name']}: {source['rows']} rows of {source['source']}"
    yield files_line(manifest, "report")
    yield from label_lines(manifest)
    yield count_line("flagged", manifest.counts.flagged, manifest.counts.flags)
    yield count_line("failed", manifest.counts.failed, manifest.counts.reasons)
    yield f"report: {out}"
    yield from threshold_lines(manifest)
    if manifest.counts.shift:
        yield str(manifest.counts.shift)
    yield manifest.notice
