"""The head of a page: what is known of the model, the scan and the doubts about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cxr_edge import __version__
from cxr_edge.notice import RESEARCH_USE
from cxr_edge.pipeline.skipped import MAY_HOLD_IMAGES
from cxr_edge.reports.html.model_facts import UNKNOWN, Fact, model_facts, site_facts, text_of
from cxr_edge.reports.html.worklist import BAND, CHECK, MOST_ROWS, Worklist
from cxr_edge.reports.manifest import utc_now
from cxr_edge.reports.missing import missing_line
from cxr_edge.reports.recorded import Recorded
from cxr_edge.reports.run_manifest import roots_of, spec_file_of
from cxr_edge.spec.json_fields import is_int
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.system.plural import counted
from cxr_edge.system.ranges import SHARE


@dataclass(frozen=True)
class Facts:
    """Sentences and facts that stand around the table of a page."""

    name: str
    """File name of the report."""
    made: str
    """Time at which the page was made."""
    notice: str
    """Notice that this is for research only, and what follows from it."""
    review: list[Fact] = field(default_factory=list)
    """Facts about the images that are left to a person."""
    site: list[Fact] = field(default_factory=list)
    """Facts about the site check that the threshold is from; none without one."""
    model: list[Fact] = field(default_factory=list)
    """Facts about the model."""
    scan: list[Fact] = field(default_factory=list)
    """Facts about the scan."""
    doubts: list[str] = field(default_factory=list)
    """Warnings of the scan, and what this page lacks."""
    causes: Mapping[str, str] = field(default_factory=dict)
    """Why an image is labelled review, in words, by the cause in its row."""


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
    notice = text_of(fields, "notice").removeprefix(RESEARCH_USE).strip()
    return Facts(
        report.name,
        _time(utc_now()),
        notice,
        list(_review(worklist, recorded)),
        list(site_facts(worklist, recorded, spec)),
        list(model_facts(worklist, recorded, spec)),
        list(_scan(report, worklist, recorded)),
        [*lacks, *_doubts(worklist, recorded)],
        {BAND: f"the probability lies in the review band, {_band(recorded) or 'limits not known'}",
         CHECK: "the input check says that the image should not be scored"},
    )  # fmt: skip


def _review(worklist: Worklist, recorded: Recorded | None) -> Iterator[Fact]:
    band, causes = _band(recorded), worklist.causes
    if band or causes[BAND]:
        yield "Review band", band or UNKNOWN
        images = counted(causes[BAND], "image", "images")
        yield "By the band", f"{images}, too near to the other class for a label"
    if causes:
        images = counted(causes[CHECK], "image", "images")
        yield "By input check", f"{images} that should not be scored, whatever the probability"


def _band(recorded: Recorded | None) -> str:
    """Return the limits of the review band of a scan; empty where it had none."""
    match recorded and recorded.identity.get("review_band"):
        case [low, high] if low in SHARE and high in SHARE:
            return f"from {low:g} to {high:g}"
    return ""


def _scan(report: Path, worklist: Worklist, recorded: Recorded | None) -> Iterator[Fact]:
    yield "Report", str(report)
    if recorded:
        ended = text_of(recorded.fields, "ended")
        yield "Started", _time(recorded.report_started)
        yield "Ended", _time(ended) if ended else "not ended"
        yield "Scanned", "; ".join(roots_of(recorded).values()) or UNKNOWN
        runtime = [text_of(recorded.identity, key) for key in ("runtime", "provider")]
        yield "Runtime", " on ".join(filter(None, runtime)) or UNKNOWN
        yield "Recipe", text_of(recorded.identity, "recipe") or UNKNOWN
        yield "Self-test", text_of(recorded.fields, "self_test") or UNKNOWN
        yield "Input check", text_of(recorded.fields, "input_check") or UNKNOWN
        yield "Distribution shift", _shift(worklist, recorded)
        version = text_of(recorded.fields, "tool_version") or UNKNOWN
        yield "Scanned by", f"cxr-edge {version}"
    yield "Page made by", f"cxr-edge {__version__}"


def _shift(worklist: Worklist, recorded: Recorded) -> str:
    """Return what the comparison with the model's own images found."""
    shift = worklist.counts.shift
    if shift:
        return "seen: the warning stands at the top" if shift.warning else shift.found
    if "spec" in recorded.fields and recorded.fields.get("distribution_shift", 0) is None:
        return "not compared, since the model has nothing to compare with"
    return UNKNOWN


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
    if any(lost.get(reason) for reason in MAY_HOLD_IMAGES):
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
    if (file := spec_file_of(recorded)) and file.doubt:
        yield f"Warning: {file.doubt}."
    shift = fields.get("distribution_shift")
    if isinstance(shift, dict) and (warning := text_of(shift, "warning")):
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


def _texts(fields: Mapping[str, Any], key: str) -> list[str]:
    value = fields.get(key)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
