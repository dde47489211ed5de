"""``cxr scan --shards``: folders of images to a folder of shards."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cxr_edge.cli.cluster_options import ClusterOptions
from cxr_edge.cli.interruption import continuable
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
from cxr_edge.errors import UsageError
from cxr_edge.isolation.heartbeat import current_table
from cxr_edge.system.plural import counted
from cxr_edge.system.signals import end_once

if TYPE_CHECKING:
    from cxr_edge.reports.shard_manifest import ShardManifest


def scan_into_shards(
    paths: Sequence[str | Path],
    model: ModelOptions,
    output: OutputOptions,
    sharding: ShardOptions,
    safety: SafetyOptions,
    speed: SpeedOptions,
    engine: ClusterOptions,
) -> None:
    """Scan into shards, and print the summary; always ends by :class:`typer.Exit` or an error."""
    place = sharding.shards or ""
    _refuse_others(output)
    cluster = engine.cluster(output, safety, speed)
    how_to_continue = "run the same command again to finish the shards"
    with continuable(lambda: how_to_continue, log_json=output.log_json):
        from cxr_edge.jobs.shard_job import DEFAULT_SIZE, ShardJob
        from cxr_edge.jobs.shard_run import run_shards
        from cxr_edge.reports.shard_rows import ShardFormat
        from cxr_edge.storage.output_place import output_at

        table = current_table()
        end_once()
        job = ShardJob.open(
            scan_config(model, safety, speed),
            paths,
            output_at("--shards", place),
            size=sharding.shard_size or DEFAULT_SIZE,
            format=ShardFormat(sharding.shard_format or ShardFormat.CSV),
            fresh=output.fresh,
            max_failures=safety.failure_limit,
            cluster=cluster,
            in_flight=table,
        )
        for warning in job.session.warnings:
            typer.echo(f"warning: {warning}", err=True)
        safety.set_limits(table)
        log = place if output.log_json else None
        manifest = run_shards(job, displays(job.sources.candidates, log, quiet=output.quiet))
    if output.as_json:
        typer.echo(summary_json(manifest, {"folder": place}))
    elif not output.quiet:
        print_summary(summary_lines(manifest, output, shards=_shards_line(manifest, place)))
    raise typer.Exit(manifest.exit_code or 0)


def _refuse_others(output: OutputOptions) -> None:
    """Refuse the options that need the one report; raises UsageError."""
    if output.named_out is not None:
        raise UsageError("--out and --shards exclude each other; give one")
    later = "merge the shards with 'cxr merge' first, and "
    page = f"{later}use 'cxr report' on the report"
    again = f"{later}give it to 'cxr scan' with the report as --out"
    for option, value, advice in (
        ("--format", output.formats, page),
        ("--html", output.html, page),
        ("--thumbnails", output.thumbnails, page),
        ("--heatmaps", output.heatmaps, "scan the images that need some into a report"),
        ("--heatmaps-for", output.heatmaps_for, "scan the images that need some into a report"),
        ("--quarantine", output.quarantine, f"{again} and --retry-failed"),
        ("--add-new", output.add_new or None, again),
        ("--retry-failed", output.retry_failed or None, again),
    ):
        if value is not None:
            raise UsageError(f"{option} needs the one report, and --shards makes many; {advice}")


def _shards_line(manifest: "ShardManifest", place: str) -> str:
    shards = manifest.shards
    count = counted(shards.count, "shard", "shards")
    most = counted(shards.size, "file", "files")
    return f"{count} of up to {most} each: {place}; 'cxr merge' makes one report of them"
