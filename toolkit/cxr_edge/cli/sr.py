"""``cxr sr``: DICOM structured reports of a report's images."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.common_options import Quiet
from cxr_edge.cli.existing import existing_folder
from cxr_edge.cli.output_files import keep_existing
from cxr_edge.cli.report_options import ScannedImages, ScannedReport
from cxr_edge.cli.run_display import count_line, print_summary
from cxr_edge.errors import ExitCode
from cxr_edge.system.plural import counted

if TYPE_CHECKING:
    from cxr_edge.jobs.sr_job import SrJob, SrResult


def sr(
    report: ScannedReport,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for the DICOM files, outside of what was scanned.",
            rich_help_panel=panels.OUTPUT,
        ),
    ],
    images: ScannedImages = None,
    overlays: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of heat maps that 'cxr scan --heatmaps' wrote; each becomes a Secondary "
            "Capture beside the report on its image.",
            rich_help_panel=panels.INPUT,
            callback=existing_folder,
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write a DICOM structured report on each scored DICOM image, for a PACS.

    Each has the label, the probability, the threshold and the model, and refers to the image, in
    its study. It is marked as unverified. Running the command again writes the same files.

    The files identify patients as the images do: name, ID, birth date, sex and study are copied
    from the headers, since DICOM demands it. Research use only, not a diagnosis.

    Exit code 3: some images have no report, each counted by why.
    """
    from cxr_edge.jobs.sr_job import SrJob, write_objects

    keep_existing("--out", [out], overwrite=True)
    job = SrJob(report, out, images or (), overlays)
    result = write_objects(job)
    if overlays and not result.objects.captures:
        typer.echo(
            f"warning: no heat map in {overlays} fits an image of {report}: check --overlays, the "
            "folder that 'cxr scan --heatmaps' wrote",
            err=True,
        )
    if not quiet:
        print_summary(_summary_lines(job, result))
    if result.objects.failed or result.objects.failed_in_scan:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _summary_lines(job: "SrJob", result: "SrResult") -> Iterator[str]:
    objects = result.objects
    made = [counted(objects.reports, "structured report", "structured reports")]
    if job.heat_maps:
        made.append(counted(objects.captures, "heat map", "heat maps"))
    yield ", ".join(made) + (f" ({objects.kept} there before)" if objects.kept else "")
    if objects.copies:
        yield f"{counted(objects.copies, 'copy', 'copies')} of such an image: no second report"
    if objects.no_dicom:
        yield f"{counted(objects.no_dicom, 'image is', 'images are')} no DICOM, and skipped"
    if objects.failed_in_scan:
        yield f"{counted(objects.failed_in_scan, 'file', 'files')} failed in the scan, and skipped"
    yield count_line("failed", objects.failed.total(), objects.failed)
    for line in objects.first_failed:
        yield f"  {line}"
    if not result.is_finished:
        yield f"{job.report} is not finished, so reports on some images may be missing"
    yield f"folder: {job.out}"
    yield "The files identify patients as their images do. Research use only, not a diagnosis."
