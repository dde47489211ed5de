"""``cxr convert``: images to image files without identifiers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.common_options import Quiet, Timeout, Workers
from cxr_edge.cli.interruption import continuable
from cxr_edge.cli.numbers import bounds, one_of
from cxr_edge.cli.option_groups import with_option_groups
from cxr_edge.cli.path_text import PathText
from cxr_edge.cli.run_display import (
    bars,
    count_line,
    files_line,
    print_summary,
    skipped_line,
)
from cxr_edge.errors import UsageError
from cxr_edge.isolation.heartbeat import TIMEOUT, InFlightTable, current_table
from cxr_edge.system.ranges import QUALITY
from cxr_edge.system.signals import end_once

if TYPE_CHECKING:
    from cxr_edge.jobs.convert_job import ConvertJob
    from cxr_edge.jobs.convert_mapping import ConvertManifest


@dataclass(frozen=True)
class ImageOptions:
    """Options of the images and their names."""

    image_format: Annotated[
        Literal["png", "tiff", "jpeg", "jpg"],
        typer.Option(
            "--format",
            help="Format of the images; only jpeg loses detail.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = "png"
    bits: Annotated[
        int,
        typer.Option(
            **one_of(8, 16),
            help="Bits per gray level; 16 for png and tiff only.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = 8
    quality: Annotated[
        int | None,
        typer.Option(
            **bounds(QUALITY),
            help="Quality of jpeg.",
            show_default="95",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None
    keep_names: Annotated[
        bool,
        typer.Option(
            "--keep-names",
            help="Keep original folder and file names. They may identify patients.",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = False
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Key file for pseudonyms; created if missing.",
            show_default="DST.mapping.key",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None
    mapping: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Table of sources and images; an existing one is continued.",
            show_default="DST.mapping.csv",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None


@with_option_groups
def convert(
    source: Annotated[
        PathText,
        typer.Argument(
            metavar="SRC",
            help="A file, or a folder with everything below it.",
            path_type=PathText,
        ),
    ],
    target: Annotated[
        Path, typer.Argument(metavar="DST", help="Folder for the images, new or empty.")
    ],
    images: ImageOptions,
    quiet: Quiet = False,
    timeout: Timeout = TIMEOUT,
    workers: Workers = None,
) -> None:
    """Convert images to grayscale PNG, TIFF or JPEG without metadata.

    The same files are taken as by 'cxr scan', and a PNG or TIFF gives a scan the same pixels as
    its source. Text that is burned into an image stays in it.

    Images are named by pseudonyms made from the SOP Instance UID. The mapping and the key lead
    back from an image to its source, so they are written outside of DST; keep them to yourself.

    An interrupted conversion continues when you run the same command again.

    Exit code 3: the conversion finished, but some files failed, each with a reason in its row, or
    a folder could not be read, or a file is packed.
    """
    with continuable(lambda: "run the same command again to finish the conversion"):
        from cxr_edge.isolation.sandbox import memory_to_hold
        from cxr_edge.jobs.convert_run import run_convert
        from cxr_edge.system.cpu import usable_cpus

        table = current_table()
        end_once()
        job = _job(source, target, images, workers or usable_cpus(), table)
        table.limit(timeout, memory_to_hold())
        manifest = run_convert(job, bars(job.sources.candidates, quiet=quiet))
    if not quiet:
        print_summary(_summary_lines(job, manifest))
    raise typer.Exit(manifest.exit_code or 0)


def _job(
    source: str, target: Path, images: ImageOptions, workers: int, table: InFlightTable
) -> "ConvertJob":
    from cxr_edge.imaging.encode import Container, Encoding
    from cxr_edge.jobs.convert_job import ConvertJob

    if images.keep_names and images.key:
        raise UsageError("--keep-names and --key exclude each other; give one")
    if target.name in {"", ".."}:
        target = target.resolve()
    if not target.name:
        raise UsageError(f"DST: expected a folder in another one, got {target}")
    if images.mapping and not images.mapping.name:
        raise UsageError(f"--mapping: expected a file, but {images.mapping} is a folder")
    if images.quality is not None and images.image_format not in ("jpeg", "jpg"):
        raise UsageError(
            f"--quality: expected it with --format jpeg alone, got --format {images.image_format}, "
            "which loses nothing; leave the option out"
        )
    container = "jpeg" if images.image_format == "jpg" else images.image_format
    mapping = images.mapping or target.with_name(f"{target.name}.mapping.csv")
    return ConvertJob(
        source=source,
        target=target,
        mapping=mapping,
        key=None if images.keep_names else images.key or mapping.with_suffix(".key"),
        encoding=Encoding(
            Container[container.upper()],
            images.bits,
            Encoding.quality if images.quality is None else images.quality,
        ),
        workers=workers,
        in_flight=table,
    )


def _summary_lines(job: "ConvertJob", manifest: "ConvertManifest") -> Iterator[str]:
    """Yield counts, and no name of a source: it may identify a patient."""
    counts = manifest.counts
    yield files_line(manifest, "mapping")
    yield f"converted {counts.ok}: {job.encoding.described}, in {job.target}"
    yield count_line("flagged", counts.flagged, counts.flags)
    yield count_line("failed", counts.failed, counts.reasons)
    if counts.failed:
        yield f"failed files: see the rows with status failed in {job.mapping}"
    yield skipped_line(manifest.skipped)
    if manifest.not_read:
        from cxr_edge.reports.missing import missing_line

        yield missing_line(manifest.skipped, [], "convert")
    if not counts.rows:
        yield "no images found: the mapping has its header only"
    if job.key:
        yield f"names: pseudonyms, made with the key {job.key}"
        yield f"mapping: {job.mapping}; keep it and the key apart from the images"
    else:
        yield "names: original names, which may identify patients"
        yield f"mapping: {job.mapping}; keep it apart from the images"
