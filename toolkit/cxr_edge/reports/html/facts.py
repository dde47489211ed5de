"""The head of a page: what is known of the model, the scan and the doubts about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from cxr_edge import __version__
from cxr_edge.notice import RESEARCH_USE
from cxr_edge.reports.html.worklist import MOST_ROWS, Worklist
from cxr_edge.reports.manifest import utc_now
from cxr_edge.reports.missing import missing_line
from cxr_edge.reports.recorded import Recorded
from cxr_edge.reports.run_manifest import roots_of
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.json_fields import is_int
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.provenance import Provenance
from cxr_edge.system.plural import counted

Fact: TypeAlias = tuple[str, str]
"""Name and value, for a person."""

_UNKNOWN: Final = "not known"


@dataclass(frozen=True)
class Facts:
    """Sentences and facts that stand around the table of a page."""

    name: str
    """File name of the report."""
    made: str
    """Time at which the page was made."""
    notice: str
    """Notice that this is for research only, and what follows from it."""
    model: list[Fact] = field(default_factory=list)
    """Facts about the model."""
    scan: list[Fact] = field(default_factory=list)
    """Facts about the scan."""
    doubts: list[str] = field(default_factory=list)
    """Warnings of the scan, and what this page lacks."""


def facts_of(
    report: Path,
    worklist: Worklist,
    recorded: Recorded | None,
    spec: ModelSpec | None,
    lacks: list[str],
) -> Facts:
    """Return the facts about a report.

    Parameters
    ----------
    report
        Path of the report.
    worklist
        Rows of the report.
    recorded
        Its manifest; None where there is none that can be read.
    spec
        Spec of the model that it was made with; None where that is not at hand.
    lacks
        Sentences on what the page lacks, and why.
    """
    fields = recorded.fields if recorded else {}
    notice = _text(fields, "notice").removeprefix(RESEARCH_USE).strip()
    return Facts(
        report.name,
        _time(utc_now()),
        notice,
        list(_model(worklist, recorded, spec)),
        list(_scan(report, recorded)),
        [*lacks, *_doubts(worklist, recorded)],
    )


def _model(worklist: Worklist, recorded: Recorded | None, spec: ModelSpec | None) -> Iterator[Fact]:
    identity = recorded.identity if recorded else {}
    fields = recorded.fields if recorded else {}
    point = _text(fields, "operating_point")
    yield "Model", _text(identity, "model") or _UNKNOWN
    yield "SHA-256", _text(identity, "model_sha256") or _UNKNOWN
    yield "Operating point", point or _UNKNOWN
    yield "Threshold", worklist.threshold or _text(identity, "threshold") or _UNKNOWN
    if spec is None:
        return
    known = [
        one
        for one in spec.operating_points
        if one.name == point and one.threshold == identity.get("threshold")
    ]
    for name in ("sensitivity", "specificity"):
        found: Interval | None = getattr(known[0], name) if known else None
        yield f"Validated {name}", _interval(found)
    if spec.provenance:
        yield from _card(spec.provenance)


def _interval(found: Interval | None) -> str:
    if found is None:
        return "not measured for this threshold"
    return f"{found.value:.3f} (95% interval {found.low:.3f} to {found.high:.3f})"


def _card(facts: Provenance) -> Iterator[Fact]:
    yield "Measured", facts.measured
    yield "Headline", facts.headline
    patients = f" of {facts.training_patients:,} patients" if facts.training_patients else ""
    yield "Trained on", f"{facts.training_films:,} images{patients}: {facts.data}"


def _scan(report: Path, recorded: Recorded | None) -> Iterator[Fact]:
    yield "Report", str(report)
    if recorded:
        ended = _text(recorded.fields, "ended")
        yield "Started", _time(recorded.report_started)
        yield "Ended", _time(ended) if ended else "not ended"
        yield "Scanned", "; ".join(roots_of(recorded).values()) or _UNKNOWN
        runtime = [_text(recorded.identity, key) for key in ("runtime", "provider")]
        yield "Runtime", " on ".join(filter(None, runtime)) or _UNKNOWN
        yield "Recipe", _text(recorded.identity, "recipe") or _UNKNOWN
        yield "Self-test", _text(recorded.fields, "self_test") or _UNKNOWN
        yield "Input check", _text(recorded.fields, "input_check") or _UNKNOWN
        version = _text(recorded.fields, "tool_version") or _UNKNOWN
        yield "Scanned by", f"cxr-edge {version}"
    yield "Page made by", f"cxr-edge {__version__}"


def _doubts(worklist: Worklist, recorded: Recorded | None) -> Iterator[str]:
    counts = worklist.counts
    if not counts.rows:
        yield "The report has no rows: no images were found."
    if recorded:
        yield from _doubts_of_the_scan(recorded)
    if counts.is_constant:
        yield f"Warning: {counts.constant}."
    if worklist.left_out:
        yield (
            f"The table has {MOST_ROWS:,} rows at most: {worklist.left_out:,} images are only "
            "counted, those of the lowest probability. The report has all of them."
        )


def _doubts_of_the_scan(recorded: Recorded) -> Iterator[str]:
    fields = recorded.fields
    if not recorded.finished:
        yield (
            "The scan is not finished, so images may be missing. Run the same 'cxr scan' command "
            "again, and then make this page again."
        )
    skipped = fields.get("skipped")
    lost = {
        reason: count
        for reason, count in (skipped.items() if isinstance(skipped, dict) else ())
        if is_int(count)
    }
    if lost.get("unlisted") or lost.get("packed"):
        line = missing_line(lost, _texts(fields, "first_lost"), "scan")
        yield f"{line[0].upper()}{line[1:]}."
    changed = fields.get("changed")
    if is_int(changed) and changed:
        files = counted(changed, "file has", "files have")
        yield f"{files} changed since the scan{_first(_texts(fields, 'first_changed'))}."
    gone = fields.get("gone")
    if isinstance(gone, dict) and is_int(gone.get("files")) and gone["files"]:
        files = counted(gone["files"], "file is", "files are")
        yield f"{files} gone since the scan{_first(_texts(gone, 'first'))}."
    shift = fields.get("distribution_shift")
    if isinstance(shift, dict) and (warning := _text(shift, "warning")):
        yield f"Warning: {warning}."
    if versions := ", ".join(recorded.earlier_versions):
        yield f"Rows were written by cxr-edge {versions}, which may read some images otherwise."


def _time(text: str) -> str:
    """Return a time of a manifest for a person; as it is where it is something else."""
    try:
        when = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def _first(names: list[str]) -> str:
    return f" (first: {', '.join(names)})" if names else ""


def _text(fields: Mapping[str, Any], key: str) -> str:
    """Return a field of a manifest, which may be anything, as text."""
    value = fields.get(key)
    return str(value) if isinstance(value, str | int | float) else ""


def _texts(fields: Mapping[str, Any], key: str) -> list[str]:
    value = fields.get(key)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
