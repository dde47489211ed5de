"""``cxr relabel``: a report with another threshold."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.common_options import ModelReference, Quiet, ReviewBand, SpecFile
from cxr_edge.cli.numbers import bounds
from cxr_edge.cli.report_options import ScannedReport
from cxr_edge.cli.run_display import (
    count_line,
    files_line,
    input_check_line,
    label_lines,
    print_summary,
    review_band_line,
    threshold_lines,
)
from cxr_edge.errors import ExitCode
from cxr_edge.system.ranges import SHARE

if TYPE_CHECKING:
    from cxr_edge.reports.run_manifest import RunManifest


def relabel(
    report: ScannedReport,
    model: ModelReference = "default",
    spec: SpecFile = None,
    operating_point: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Named threshold of the model that the report was made with.",
            rich_help_panel=panels.MODEL,
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            **bounds(SHARE),
            help="Threshold as a number, in place of a name; needs no model.",
            rich_help_panel=panels.MODEL,
        ),
    ] = None,
    review_band: ReviewBand = False,
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
    """Write a new report with another threshold, from the probabilities in REPORT.

    Give --operating-point or --threshold, --review-band, or both. With --review-band alone, the
    threshold of REPORT stays. Without --review-band, the new report has no band.

    No image is read and nothing is scored. The new report equals the one that 'cxr scan' writes
    with the same threshold and band, and its manifest names REPORT. REPORT stays as it is. Exit
    code 3 if files failed in the scan.
    """
    from cxr_edge.jobs.relabel import RelabelJob
    from cxr_edge.jobs.relabel import relabel as write_relabelled

    job = RelabelJob(
        report=report,
        out=out or report.parent / f"{report.stem}.relabelled{report.suffix}",
        operating_point=operating_point,
        threshold=threshold,
        review_band=review_band,
        model=model,
        spec=spec,
    )
    manifest = write_relabelled(job)
    if not quiet:
        print_summary(_summary_lines(manifest, report, job.out))
    if manifest.exit_code == ExitCode.SOME_FAILED:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _summary_lines(manifest: "RunManifest", report: Path, out: Path) -> Iterator[str]:
    yield files_line(manifest, "report")
    yield from label_lines(manifest)
    yield count_line("flagged", manifest.counts.flagged, manifest.counts.flags)
    yield count_line("failed", manifest.counts.failed, manifest.counts.reasons)
    if manifest.exit_code is None:
        yield f"{report} is not finished, so the new report is not either"
    yield f"report: {out}"
    yield from threshold_lines(manifest)
    if manifest.spec and manifest.spec.doubt:
        yield f"warning: {manifest.spec.doubt}"
    if manifest.identity.review_band:
        yield review_band_line(manifest, manifest.identity.review_band)
    if manifest.input_check:
        yield input_check_line(manifest)
    if manifest.counts.shift:
        yield str(manifest.counts.shift)
