"""The summary of a scan, for a person or as JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_edge.cli.run_display import (
    count_line,
    failed_lines,
    files_line,
    input_check_line,
    label_lines,
    review_band_line,
    skipped_line,
    threshold_lines,
)
from cxr_edge.system.plural import counted, worded

if TYPE_CHECKING:
    from cxr_edge.cli.scan_options import OutputOptions
    from cxr_edge.reports.heat_maps import HeatMapFolder
    from cxr_edge.reports.manifest import Gone
    from cxr_edge.reports.run_manifest import RunManifest

_CAN_PASS: Final = frozenset({"unreadable", "timeout", "unsupported-compression"})
"""Reasons of failures that a mount, a permission, a limit or an installation can mend."""


def summary_json(manifest: "RunManifest", out: Mapping[str, str]) -> str:
    """Return where the rows are and the manifest on one line, without the digest of the rows."""
    from cxr_edge.reports.manifest import to_plain

    content = {**out, **manifest.told()}
    return json.dumps(content, ensure_ascii=False, default=to_plain)


def summary_lines(
    manifest: "RunManifest",
    output: "OutputOptions",
    tables: Sequence[Path] = (),
    heat_maps: "HeatMapFolder | None" = None,
    shards: str | None = None,
) -> Iterator[str]:
    """Yield the lines of the summary for a person.

    Parameters
    ----------
    manifest
        Manifest of the scan.
    output
        Options of the output.
    tables
        Tables that were made of the report.
    heat_maps
        Folder of heat maps.
    shards
        Lines on the shards, in place of those on the report; None where there are none.
    """
    counts, identity = manifest.counts, manifest.identity
    yield files_line(manifest, "shards" if shards else "report")
    yield from label_lines(manifest)
    yield count_line("flagged", counts.flagged, counts.flags)
    yield from failed_lines(counts)
    if (
        not shards
        and counts.failed
        and (manifest.continued_from == counts.rows or not _CAN_PASS.isdisjoint(counts.reasons))
    ):
        yield "--retry-failed scans the failed files again"
    yield skipped_line(manifest.skipped)
    if manifest.not_read:
        from cxr_edge.reports.missing import missing_line

        yield missing_line(manifest.skipped, manifest.first_lost, "scan")
    if manifest.taken_over_from:
        yield f"images scored before: taken over from {manifest.taken_over_from}"
    if versions := ", ".join(manifest.earlier_versions):
        yield (
            f"rows of cxr-edge {versions} were kept, which may read some images otherwise; --fresh "
            "scans everything again"
        )
    if manifest.gone.files:
        yield _gone_line(manifest.gone)
    if manifest.changed:
        yield _changed_line(manifest)
    if counts.is_constant:
        yield f"warning: {counts.constant}"
    if not counts.rows:
        there = "there is no shard" if shards else "the report has its header only"
        yield f"no images found: {there}"
    if shards:
        yield shards
    else:
        yield from _written_lines(output, tables, heat_maps, has_failed=counts.failed > 0)
    yield f"model: {identity.model}@{identity.model_sha256[:12]}"
    yield from threshold_lines(manifest)
    if identity.review_band:
        yield review_band_line(manifest, identity.review_band)
    yield input_check_line(manifest)
    if counts.shift:
        yield str(counts.shift)
    yield f"runtime: {_chosen(identity.runtime, manifest.runtime_why)}"
    device = identity.provider.removesuffix("ExecutionProvider")
    yield f"device: {_chosen(device, manifest.device_why)}"
    yield manifest.notice


def _gone_line(gone: "Gone") -> str:
    """Return how many files are gone, and where their rows are."""
    files = f"{counted(gone.files, 'file is', 'files are')} gone (first: {', '.join(gone.first)})"
    lost = gone.files - gone.kept
    if lost and gone.kept:
        return f"{files}; {counted(gone.kept, 'row', 'rows')} kept, {lost} not taken over"
    return f"{files}; rows {'not taken over' if lost else 'kept'}"


def _changed_line(manifest: "RunManifest") -> str:
    """Return how many files have changed, and what helps: a retry needs a file that failed."""
    several = manifest.changed
    files = f"{counted(several, 'file has', 'files have')} changed"
    since = worded(several, "since it was scanned", "since they were scanned")
    first = ", ".join(manifest.first_changed)
    if manifest.counts.failed:
        again = f"--retry-failed scans {worded(several, 'it', 'them')} again"
    else:
        again = "--fresh scans everything again"
    return f"{files} {since} (first: {first}); {again}"


def _heat_map_line(heat_maps: "HeatMapFolder") -> str:
    """Return how many images of the report have a heat map, or why none has."""
    if not heat_maps.count:
        return f"heat maps: none in {heat_maps.folder}, since {heat_maps.wanted.nothing_to_draw}"
    return f"heat maps: {heat_maps.count} in {heat_maps.folder}"


def _written_lines(
    output: "OutputOptions",
    tables: Sequence[Path],
    heat_maps: "HeatMapFolder | None",
    *,
    has_failed: bool,
) -> Iterator[str]:
    from cxr_edge.reports.standard_output import STDOUT

    if output.quarantine and has_failed:
        yield f"copies of the failed files: {output.quarantine}"
    if heat_maps:
        yield _heat_map_line(heat_maps)
    yield f"report: {'standard output' if output.out == STDOUT else output.out}"
    for table in tables:
        yield f"table: {table}"
    if output.html:
        yield f"page: {output.html}"


def _chosen(name: str, why: str) -> str:
    """Return a choice and its reason, without one pair of parentheses in another."""
    return f"{name}, {why}" if "(" in why else f"{name} ({why})"
