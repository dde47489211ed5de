"""``cxr relabel``: a report with another threshold."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.common_options import ModelReference, Quiet, SpecFile
from cxr_edge.cli.run_display import count_line


def relabel(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="Report of 'cxr scan'.")],
    model: ModelReference = "default",
    spec: SpecFile = None,
    operating_point: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Named threshold of the model that the report was made with.",
            show_default="the model's",
            rich_help_panel=panels.MODEL,
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Threshold as a number, in place of a name; needs no model.",
            rich_help_panel=panels.MODEL,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="CSV",
            help="New report; must not exist.",
            show_default="REPORT with .relabelled",
            rich_help_panel=panels.OUTPUT,
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write a report with another threshold from the probabilities of one that is there.

    No image is read and nothing is scored. The new report is the one that 'cxr scan' with that
    threshold writes, and its manifest says what it was made from. The old one stays as it is.
    """
    from cxr_edge.jobs.relabel import RelabelJob
    from cxr_edge.jobs.relabel import relabel as write_relabelled

    job = RelabelJob(
        report=report,
        out=out or report.with_suffix(f".relabelled{report.suffix}"),
        operating_point=operating_point,
        threshold=threshold,
        model=model,
        spec=spec,
    )
    manifest = write_relabelled(job)
    if quiet:
        return
    counts, identity = manifest.counts, manifest.identity
    typer.echo(f"{counts.rows} file{'' if counts.rows == 1 else 's'}")
    wide = max(map(len, identity.labels))
    for label in identity.labels:
        typer.echo(f"  {label:{wide}} {counts.labels[label]:>7}")
    typer.echo(count_line("failed", counts.failed, counts.reasons))
    if manifest.exit_code is None:
        typer.echo(f"{report} is not finished, so the new report is not either")
    typer.echo(f"report: {job.out}")
    typer.echo(f"threshold: {identity.threshold:g} ({manifest.operating_point})")
