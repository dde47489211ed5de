"""``cxr report``: a report as an HTML page."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.common_options import Quiet, SpecFile
from cxr_edge.cli.existing import existing
from cxr_edge.cli.model_argument import existing_model
from cxr_edge.cli.output_files import OverwriteOption, check_files
from cxr_edge.cli.page_options import TOP, HeatMaps, Thumbnails, check_page, picture_count
from cxr_edge.system.plural import counted


def report(
    source: Annotated[
        Path,
        typer.Argument(metavar="REPORT", help="Report of 'cxr scan'.", callback=existing),
    ],
    images: Annotated[
        list[Path] | None,
        typer.Option(
            "--images",
            metavar="PATH",
            help="Folder or file that was scanned, where it is now. Repeat the option for several.",
            show_default="where they were",
            rich_help_panel=panels.INPUT,
            callback=existing,
        ),
    ] = None,
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
            metavar="HTML",
            help="Page to write.",
            show_default="REPORT with .html",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None,
    thumbnails: Thumbnails = TOP,
    overwrite: OverwriteOption = False,
    quiet: Quiet = False,
) -> None:
    """Write a report as an HTML page: a worklist that a browser shows without any network.

    The page has the most urgent images first, with pictures of them, the model's figures and the
    warnings of the scan. It is one file. Handle it as you handle the images: it has pictures of
    patients, and the names of files. Research use only, not a diagnosis.
    """
    from cxr_edge.jobs.html_report import PageJob, check_source, write_html

    check_source(source)
    page = out or source.with_name(f"{source.name.removesuffix('.csv')}.html")
    check_page("--out", page, source)
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
    worklist = write_html(job)
    if not quiet:
        typer.echo(f"{counted(worklist.counts.rows, 'image', 'images')}: {page}")
