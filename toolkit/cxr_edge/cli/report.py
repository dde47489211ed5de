"""``cxr report``: a report as an HTML page, or as a table for other programs."""

from pathlib import Path
from typing import Annotated, Final

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.common_options import Quiet, SpecFile
from cxr_edge.cli.model_argument import existing_model
from cxr_edge.cli.output_files import OverwriteOption, check_files
from cxr_edge.cli.page_options import HeatMaps, Thumbnails, check_page, picture_count
from cxr_edge.cli.report_options import ScannedImages, ScannedReport
from cxr_edge.errors import UsageError
from cxr_edge.system.plural import counted

_PAGES: Final = ("", ".html", ".htm")
"""Suffixes of pages."""


def report(
    source: ScannedReport,
    images: ScannedImages = None,
    heat_maps: HeatMaps = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Model that the report was made with, for its figures.",
            show_default="the default model, if it was that",
            rich_help_panel=panels.MODEL,
            callback=existing_model,
        ),
    ] = None,
    spec: SpecFile = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Page to write; or, by its suffix, a table: JSON Lines (.jsonl) or Parquet "
            "(.parquet).",
            show_default="REPORT with .html",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None,
    thumbnails: Thumbnails = None,
    overwrite: OverwriteOption = False,
    quiet: Quiet = False,
) -> None:
    """Write a report as an HTML page: a worklist that a browser shows without any network.

    The page has the most urgent images first, with pictures of them, the model's figures and the
    warnings of the scan. It is one file. Handle it as you handle the images: it has pictures of
    patients, and the names of files. Research use only, not a diagnosis.

    A table has the rows of the report, with numbers as numbers, and no pictures.
    """
    from cxr_edge.jobs.tables import TABLES

    if out is not None and out.suffix in TABLES:
        for_pages = {
            "--images": images,
            "--heatmaps": heat_maps,
            "--model": model,
            "--spec": spec,
            "--thumbnails": thumbnails,
        }
        _write_table(source, out, [name for name, given in for_pages.items() if given is not None],
                     overwrite=overwrite, quiet=quiet)  # fmt: skip
        return

    from cxr_edge.jobs.html_report import PageJob, check_source, write_html

    check_source(source)
    page = out or source.with_name(f"{source.name.removesuffix('.csv')}.html")
    check_page("--out", page, source)
    if page.suffix not in _PAGES:
        raise UsageError(
            f"--out: expected a name that ends in .html, {' or '.join(TABLES)}, got {page}"
        )
    check_files({"--out": page}, overwrite=overwrite)
    job = PageJob(
        report=source,
        out=page,
        pictures=picture_count(thumbnails),
        images=images or (),
        heat_maps=heat_maps,
        model=model,
        spec=spec,
    )
    written = write_html(job)
    for lack in written.lacks:
        typer.echo(f"warning: {lack}", err=True)
    if not quiet:
        typer.echo(f"{counted(written.worklist.counts.rows, 'image', 'images')}: {page}")


def _write_table(
    source: Path, table: Path, for_pages: list[str], *, overwrite: bool, quiet: bool
) -> None:
    from cxr_edge.jobs.tables import check_source, write_table

    check_source(source)
    if for_pages:
        raise UsageError(f"{for_pages[0]} is for pages; leave it out for {table}")
    check_page("--out", table, source)
    check_files({"--out": table}, overwrite=overwrite)
    written = write_table(source, table)
    if not written.is_finished:
        typer.echo(f"warning: {source} is not finished, so {table} is not either", err=True)
    if not quiet:
        typer.echo(f"{counted(written.rows, 'row', 'rows')}: {table}")
