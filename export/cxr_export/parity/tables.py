"""What ``parity.json`` says, as tables for a terminal, the model card and the documentation."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from cxr_edge.evaluation.tables import figure_table
from cxr_edge.models.gates import FULL

Findings = Mapping[str, Any]
"""What ``parity.json`` holds; see :meth:`cxr_export.parity.report.ParityReport.to_dict`."""

ParityTable = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Titles and rows."""


def differences_table(findings: Findings) -> ParityTable:
    """Return how far each artefact's probabilities and labels are from the reference's.

    Label flips are listed by operating point; the nearest threshold is |p - threshold| of the image
    that the reference puts nearest to one, and |Δp| of that image.
    """
    artefacts = findings["artefacts"]
    points = ", ".join(artefacts[0]["flips"]) if artefacts else ""
    columns = (
        "artefact", "runtime", "images", "max |Δp|", "p99", "p50", "mean", f"flips: {points}",
        "nearest threshold", "",
    )  # fmt: skip
    rows = []
    for found in artefacts:
        near = min(found["nearest"].values(), key=lambda image: image["distance"])
        rows.append((
            found["artefact"],
            found["runtime"],
            str(found["films"]),
            *(_small(found[f"{name}_difference"]) for name in ("max", "p99", "p50", "mean")),
            ", ".join(map(str, found["flips"].values())),
            f"{near['distance']:.4f} ({_small(near['difference'])})",
            "passed" if found["passed"] else "FAILED",
        ))  # fmt: skip
    return columns, rows


def metric_changes_table(findings: Findings) -> ParityTable:
    """Return how AUC, sensitivity and specificity change, with 95 % paired bootstrap intervals.

    Without rows where no image is labelled.
    """
    labelled = [found for found in findings["artefacts"] if found["changes"]["films"]]
    point = labelled[0]["judged_at"] if labelled else ""
    columns = ("artefact", "ΔAUC", f"Δsensitivity at {point}", f"Δspecificity at {point}")
    rows = []
    for found in labelled:
        changes = found["changes"]
        shares = (changes[kind].get(point) for kind in ("sensitivity", "specificity"))
        rows.append((found["artefact"], *map(_change, (changes["auc"], *shares))))
    return columns, rows


def size_and_time_table(findings: Findings) -> ParityTable:
    """Return size and time of each artefact.

    Its share is of the fp32 artefact of the same runtime. Cold is opening it, once the runtime's
    library is loaded, and scoring its first image; warm the median of later ones, an image at a
    time; batches is the largest |Δp| between batch sizes.
    """
    artefacts = findings["artefacts"]
    full = {found["runtime"]: found["size"] for found in artefacts if found["precision"] == FULL}
    columns = ("artefact", "MB", "of fp32", "cold ms", "warm ms", "batches apart")
    rows = [
        (
            found["artefact"],
            f"{found['size'] / 1e6:.2f}",
            f"{found['size'] / full[found['runtime']]:.0%}" if found["runtime"] in full else "-",
            f"{found['latency_ms']['cold']:.0f}",
            f"{found['latency_ms']['warm']:.2f}",
            _small(max(found["batches"].values(), key=lambda apart: apart or 0)),
        )
        for found in artefacts
    ]
    return columns, rows


def attempts_table(findings: Findings) -> ParityTable:
    """Return what was tried for each artefact of fewer bits until it passed."""
    columns = ("artefact", "tried", "MB", "max |Δp|", "flips", "")
    rows = [
        (
            name,
            attempt["attempt"],
            f"{attempt['size'] / 1e6:.2f}",
            _small(attempt["max_difference"]),
            ", ".join(map(str, attempt["flips"].values())),
            "passed" if attempt["passed"] else "failed",
        )
        for name, tried in attempts_of(findings).items()
        for attempt in tried
    ]
    return columns, rows


def attempts_of(findings: Findings) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Return the attempts at each artefact, by file.

    Before version 3 of ``parity.json`` they were called rungs.
    """
    listed = findings.get("attempts", findings.get("rungs", {}))
    return {
        file: [
            {("attempt" if key == "rung" else key): value for key, value in attempt.items()}
            for attempt in tried
        ]
        for file, tried in listed.items()
    }


def headline(findings: Findings) -> str:
    """Return on what was compared, in one sentence."""
    known = findings["positives"] + findings["negatives"]
    classes = (
        f", {findings['positives']} positive and {findings['negatives']} negative" if known else ""
    )
    return (
        f"{findings['films']} images of {findings['patients']} patients{classes}, against "
        f"{findings['reference']}"
    )


def remarks(findings: Findings) -> list[str]:
    """Return what a reader must know of the figures: how they came to be too good, or too few."""
    said = []
    if findings["unjudged"]:
        said.append(f"not judged, for want of labelled images: {', '.join(findings['unjudged'])}")
    if findings["unreadable"]:
        said.append(f"{findings['unreadable']} files could not be read and were left out")
    if duplicates := findings.get("duplicates"):
        said.append(f"{duplicates} files are copies of other files and were left out")
    shares = [found["gate"]["flips"] for found in findings["artefacts"] if found["gate"]["flips"]]
    if shares and findings["films"] * min(shares) < 1:
        least = math.ceil(1 / min(shares))
        said.append(
            f"{findings['films']} images cannot show a share of {min(shares):.1%}: judge on "
            f"{least} or more"
        )
    said += [
        f"{found['calibrated']} of the images calibrated {found['artefact']}, which flatters it: "
        "--held-out leaves them out"
        for found in findings["artefacts"]
        if found["calibrated"]
    ]
    return said


def as_markdown(findings: Findings) -> str:
    """Return remarks and all tables as Markdown, and what is not in the package."""
    makers = (differences_table, metric_changes_table, size_and_time_table, attempts_table)
    blocks = [
        figure_table(columns, rows).markdown
        for columns, rows in (make(findings) for make in makers)
        if rows
    ]
    if said := remarks(findings):
        blocks.insert(0, "\n".join(f"- {line}" for line in said))
    if findings["withheld"]:
        names = ", ".join(findings["withheld"])
        blocks.append(f"Did not pass and is not in the package: {names}.")
    return "\n\n".join(blocks)


def _small(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"


def _change(interval: Mapping[str, float] | None) -> str:
    if interval is None:
        return "-"
    value, low, high = (interval[name] for name in ("value", "low", "high"))
    return f"{value:+.4f} ({low:+.4f} to {high:+.4f})"
