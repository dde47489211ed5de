"""``cxr convert``: images to image files without identifiers."""

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli.tables import listed
from cxr_edge.errors import UsageError
from cxr_edge.isolation.heartbeat import TIMEOUT
from cxr_edge.system.signals import end_once

if TYPE_CHECKING:
    from cxr_edge.cli.progress_bar import Bar
    from cxr_edge.jobs.convert_job import ConvertJob
    from cxr_edge.jobs.convert_mapping import ConvertManifest
    from cxr_edge.reports.observer import Unobserved


def convert(
    source: Annotated[
        Path,
        typer.Argument(metavar="SRC", help="A file, or a folder with all below it."),
    ],
    target: Annotated[
        Path, typer.Argument(metavar="DST", help="Folder for the images, new or empty.")
    ],
    image_format: Annotated[str, typer.Option("--format", help="png, tiff or jpeg.")] = "png",
    bits: Annotated[int, typer.Option(help="A sample: 8, or 16 for png and tiff.")] = 8,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of jpeg.")] = 95,
    keep_names: Annotated[
        bool,
        typer.Option("--keep-names", help="Keep folders and names, and whoever they tell of."),
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Secret that makes the names; made if it is not there.",
            show_default="beside the mapping",
        ),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Which image is of which file; continued if it exists.",
            show_default="DST.mapping.csv",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Files at work at once.", show_default="usable CPUs"),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="A file that takes longer fails.")
    ] = TIMEOUT,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
) -> None:
    """Write the images of SRC into DST as gray images that hold nothing but pixels.

    Files are taken, decoded and refused as by 'cxr scan', and 'cxr scan' sees in a PNG or TIFF
    what it sees in the DICOM. Names are keyed digests of the SOP Instance UID. Mapping and key
    lead back to the files, so they stand outside of DST: keep them to yourself. Text that is
    burned into an image stays there.

    Killed and started again, the same command finishes. Exit code 3: finished, and some files
    have status 'failed' with a reason, or a folder could not be looked into.
    """
    from cxr_edge.imaging.encode import Container, Encoding
    from cxr_edge.isolation.heartbeat import current_table
    from cxr_edge.isolation.sandbox import memory_to_hold
    from cxr_edge.jobs.convert_job import ConvertJob
    from cxr_edge.jobs.convert_run import run_convert
    from cxr_edge.system.cpu import usable_cpus

    names = {container.name.lower(): container for container in Container}
    if image_format not in names:
        raise UsageError(f"--format: expected {', '.join(names)}, got {image_format}")
    if keep_names and key:
        raise UsageError("--keep-names and --key exclude each other; give one")
    if target.name in {"", ".."}:
        target = target.resolve()
    if not target.name:
        raise UsageError(f"DST: expected a folder in another one, got {target}")
    mapping = mapping or target.with_name(f"{target.name}.mapping.csv")
    job = ConvertJob(
        source=source,
        target=target,
        mapping=mapping,
        key=None if keep_names else key or mapping.with_suffix(".key"),
        encoding=Encoding(names[image_format], bits, quality),
        workers=workers or usable_cpus(),
        in_flight=current_table(),
    )
    job.in_flight.limit(timeout, memory_to_hold())
    end_once()
    try:
        with closing(_listener(job, quiet=quiet)) as listener:
            manifest = run_convert(job, listener)
    except KeyboardInterrupt:
        typer.echo("interrupted: the same command finishes the conversion", err=True)
        raise
    if not quiet:
        _print_summary(job, manifest)
    raise typer.Exit(manifest.exit_code or 0)


def _listener(job: "ConvertJob", *, quiet: bool) -> "Bar | Unobserved":
    from cxr_edge.reports.observer import Unobserved
    from cxr_edge.reports.progress import Meter

    if quiet or not sys.stderr.isatty():
        return Unobserved()

    from rich.console import Console

    from cxr_edge.cli.progress_bar import Bar

    return Bar(Meter(job.items()), Console(stderr=True))


def _print_summary(job: "ConvertJob", manifest: "ConvertManifest") -> None:
    """Print counts and no name of a source: a name can tell of a patient."""
    counts = manifest.counts
    earlier = f"{manifest.continued_from} by an earlier run" if manifest.continued_from else ""
    passed_over = manifest.passed_over.counts
    for title, count, remark in (
        ("files", counts.rows, earlier),
        ("converted", counts.ok, f"{job.encoding.described}, in {job.target}"),
        ("flagged", counts.flagged, listed(counts.flags)),
        ("failed", counts.failed, listed(counts.reasons)),
        ("skipped", passed_over.total(), listed(passed_over)),
    ):
        typer.echo(f"{title:11} {count:>8}  {remark}".rstrip())
    if manifest.passed_over.first_lost:
        typer.echo("some folders or files could not be looked into: images may be missing")
    names = f"keyed by {job.key}" if job.key else "kept, with whatever they tell"
    typer.echo(f"names {names}; mapping {job.mapping}: keep it apart from the images")
