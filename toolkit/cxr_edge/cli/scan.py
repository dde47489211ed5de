"""``cxr scan``: folders of images to a CSV report."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_edge.cli.archive_options import ArchiveOptions
from cxr_edge.cli.choices import ReportFormat
from cxr_edge.cli.cluster_options import ClusterOptions
from cxr_edge.cli.interruption import continuable
from cxr_edge.cli.option_groups import with_option_groups
from cxr_edge.cli.output_files import keep_existing
from cxr_edge.cli.page_options import check_page, picture_count
from cxr_edge.cli.path_text import PathText
from cxr_edge.cli.run_display import displays, print_summary
from cxr_edge.cli.scan_options import (
    ModelOptions,
    OutputOptions,
    SafetyOptions,
    SpeedOptions,
    scan_config,
)
from cxr_edge.cli.scan_summary import summary_json, summary_lines
from cxr_edge.cli.shard_options import ShardOptions
from cxr_edge.errors import ExitCode, UsageError
from cxr_edge.isolation.heartbeat import current_table
from cxr_edge.system.signals import end_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxr_edge.jobs.scan_job import ScanJob
    from cxr_edge.pipeline.outcome import Outcome
    from cxr_edge.reports.sink import Sink


@with_option_groups
def scan(
    paths: Annotated[
        list[PathText] | None,
        typer.Argument(
            metavar="[PATH...]",
            help="Files and folders; a folder with everything below it. A .zip or .tar archive is "
            "a folder, and so is s3://BUCKET/FOLDER.",
            show_default=False,
            path_type=PathText,
        ),
    ] = None,
    *,
    archive: ArchiveOptions,
    model: ModelOptions,
    output: OutputOptions,
    sharding: ShardOptions,
    safety: SafetyOptions,
    speed: SpeedOptions,
    engine: ClusterOptions,
) -> None:
    """Classify images, and write one CSV row for every file taken.

    A file is taken if its suffix or its first bytes are those of an image or of DICOM, or if
    neither says what it is. Packed files in a folder are not looked into. Research use only, not a
    diagnosis.

    An interrupted scan continues when you run the same command again.

    Exit code 3: the scan finished, but some files failed, each with a reason in its row, or a
    folder could not be read, or a file is packed. Exit code 4: the self-test failed; nothing was
    scanned.
    """
    sources = archive.sources(paths or [])
    if sharding.shards is not None:
        from cxr_edge.cli.scan_shards import scan_into_shards

        scan_into_shards(sources, model, output, sharding, safety, speed, engine)
        return
    sharding.refuse_lone()

    from cxr_edge.reports.standard_output import STDOUT, report_at

    to_stdout = output.out == STDOUT
    if to_stdout and (output.add_new or output.retry_failed):
        option = "--add-new" if output.add_new else "--retry-failed"
        raise UsageError(f"{option} needs a report to go on with; name a file with --out, not '-'")
    if output.html:
        _check_page(output.html, output.out)
    elif output.thumbnails is not None:
        raise UsageError("--thumbnails is for the page; add --html HTML, or leave it out")
    cluster = engine.cluster(output, safety, speed)
    tables = _tables(output)
    pictures = picture_count(output.thumbnails)
    if output.heatmaps_for is not None and output.heatmaps is None:
        raise UsageError("--heatmaps-for needs a folder for them; give --heatmaps DIR")
    if output.heatmaps is not None:
        keep_existing("--heatmaps", [output.heatmaps], overwrite=True)
    how_to_continue = "" if to_stdout else "run the same command again to finish the report"
    with continuable(lambda: how_to_continue, log_json=output.log_json):
        from cxr_edge.jobs.scan_job import ScanJob
        from cxr_edge.jobs.scan_run import run_scan

        table = current_table()
        end_once()
        with report_at(output.out, table.token) as out:
            job = ScanJob.open(
                scan_config(model, safety, speed),
                sources,
                out,
                fresh=output.fresh,
                add_new=output.add_new,
                retry_failed=output.retry_failed,
                max_failures=safety.failure_limit,
                quarantine=output.quarantine,
                page=output.html,
                tables=tables,
                heat_maps=output.heatmaps,
                heat_maps_for=output.heatmaps_for or "positives",
                cluster=cluster,
                in_flight=table,
            )
            for warning in job.session.warnings:
                typer.echo(f"warning: {warning}", err=True)
            safety.set_limits(table)
            try:
                manifest = run_scan(
                    job, [*page_sinks(job, pictures), *table_sinks(job), *_sinks(job, output)]
                )
            except BrokenPipeError:  # whoever reads standard output has enough
                raise typer.Exit(ExitCode.ERROR) from None
    if output.as_json:
        typer.echo(summary_json(manifest, {"report": str(output.out)}), err=to_stdout)
    elif not output.quiet:
        print_summary(summary_lines(manifest, output, tables, job.heat_maps), err=to_stdout)
    raise typer.Exit(manifest.exit_code or 0)


def _check_page(page: Path, out: Path) -> None:
    """Refuse a page that cannot be written, or would replace something else than a page."""
    from cxr_edge.cli.output_files import check_files
    from cxr_edge.reports.html.page import is_page
    from cxr_edge.reports.standard_output import STDOUT

    if out == STDOUT:
        raise UsageError("--html needs a report to be made of; name a file with --out, not '-'")
    check_page("--html", page, out)
    check_files({"--html": page}, overwrite=True)
    _keep_others("--html", page, is_ours=is_page(page))


def _tables(output: OutputOptions) -> list[Path]:
    """Return the tables to be made of the report; refuse what would replace something else."""
    wanted = dict.fromkeys(each.value for each in output.formats or () if each != ReportFormat.CSV)
    named = output.out.suffix.removeprefix(".")
    if named in tuple(ReportFormat) and named != ReportFormat.CSV:
        raise UsageError(
            f"--out: a report is a CSV file, got {output.out}; name it .csv, and add --format "
            f"{named} for a table beside it"
        )
    if not wanted:
        return []

    from cxr_edge.cli.output_files import check_files
    from cxr_edge.jobs.tables import is_table, table_path
    from cxr_edge.reports.check_place import check_place
    from cxr_edge.reports.csv_report import REPORT
    from cxr_edge.reports.standard_output import STDOUT

    if output.out == STDOUT:
        raise UsageError("--format needs a report to stand beside; name a file with --out, not '-'")
    check_place(REPORT, output.out)
    tables = {f"--format {name}": table_path(output.out, f".{name}") for name in wanted}
    check_files({"--html": output.html, **tables}, overwrite=True)
    for option, table in tables.items():
        _keep_others(option, table, is_ours=is_table(table))
    return list(tables.values())


def _keep_others(option: str, file: Path, *, is_ours: bool) -> None:
    """Refuse to replace a file that cxr-edge did not write."""
    if file.exists() and not is_ours:
        raise UsageError(
            f"{option}: {file} exists already, and cxr-edge did not write it; move it away, or "
            "choose another name"
        )


def table_sinks(job: "ScanJob") -> "Sequence[Sink[Outcome]]":
    """Return the sinks that make tables of the report."""
    if not job.tables:
        return []

    from cxr_edge.jobs.tables import TableSink

    return [TableSink(job.out, table) for table in job.tables]


def page_sinks(job: "ScanJob", pictures: int) -> "Sequence[Sink[Outcome]]":
    """Return the sink that writes the page, which is closed after all others."""
    if job.page is None:
        return []

    from cxr_edge.jobs.html_report import PageJob, PageSink

    folder = job.heat_maps.folder if job.heat_maps else None
    page = PageJob(job.out, job.page, pictures, heat_maps=folder)
    return [PageSink(page, job.session.model.spec)]


def _sinks(job: "ScanJob", output: OutputOptions) -> "Sequence[Sink[Outcome]]":
    """Return the sinks that show the scan: a log, or a progress bar on a terminal."""
    from cxr_edge.reports.standard_output import STDOUT, StandardOutput, stdout_descriptor

    if output.out == STDOUT:
        descriptor = stdout_descriptor()
        rows = [StandardOutput(job.out, descriptor)]
        quiet = output.quiet or os.isatty(descriptor)  # rows and a bar do not go together
    else:
        rows, quiet = [], output.quiet
    log = str(output.out) if output.log_json else None
    return [*rows, *displays(job.sources.candidates, log, quiet=quiet)]
