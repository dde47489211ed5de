"""Findings of a comparison (``parity.json``) as tables and sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from cxr_edge.evaluation.tables import FigureTable, figure_table
from cxr_edge.metrics.proportions import sample_to_tell
from cxr_edge.spec.precision import Precision
from cxr_export.parity.verdict import verdict_of

Findings = Mapping[str, Any]
"""Content of ``parity.json``, as :meth:`cxr_export.parity.report.ParityReport.to_dict` makes it."""


def differences_table(findings: Findings) -> FigureTable:
    """Return how far each artefact's probabilities and labels are from the reference's.

    Changed labels are listed by operating point. The nearest threshold is |p - threshold| of the
    image that the reference puts nearest to a threshold, with |Δp| of that image. Map r is the
    correlation of the heat maps and features r that of the features, where there are some.
    """
    artefacts = findings["artefacts"]
    points = ", ".join(artefacts[0]["flips"]) if artefacts else ""
    correlations = {
        name: title
        for name, title in (("map_correlation", "map r"), ("feature_correlation", "features r"))
        if any(name in found for found in artefacts)
    }
    columns = (
        "artefact", "runtime", "images", "max |Δp|", "p99", "p50", "mean", f"flips: {points}",
        "nearest threshold", *correlations.values(), "result",
    )  # fmt: skip
    rows = []
    for found in artefacts:
        near = min(found["nearest"].values(), key=lambda image: image["distance"])
        rows.append((
            found["artefact"],
            found["runtime"],
            found["films"],
            *(_small(found[f"{name}_difference"]) for name in ("max", "p99", "p50", "mean")),
            ", ".join(map(str, found["flips"].values())),
            f"{near['distance']:.4f} ({_small(near['difference'])})",
            *(_correlation(found.get(name)) for name in correlations),
            verdict_of(found).cell,
        ))  # fmt: skip
    return figure_table(columns, rows)


def metric_changes_table(findings: Findings) -> FigureTable:
    """Return how AUC, sensitivity and specificity change, with 95 % paired bootstrap intervals.

    The table has no rows if no image is labelled.
    """
    labelled = [found for found in findings["artefacts"] if found["changes"]["films"]]
    point = labelled[0]["judged_at"] if labelled else ""
    columns = ("artefact", "ΔAUC", f"Δsensitivity at {point}", f"Δspecificity at {point}")
    rows = []
    for found in labelled:
        changes = found["changes"]
        shares = (changes[kind].get(point) for kind in ("sensitivity", "specificity"))
        rows.append((found["artefact"], *map(_change, (changes["auc"], *shares))))
    return figure_table(columns, rows)


def size_and_time_table(findings: Findings) -> FigureTable:
    """Return size and time of each artefact.

    The share is that of the fp32 artefact's size, for the same runtime. Cold is the time to open
    the artefact and score its first image, once the runtime's library is loaded; warm is the median
    of later images, one per call. The last column is the largest |Δp| between batch sizes.
    """
    artefacts = findings["artefacts"]
    full = {
        found["runtime"]: found["size"]
        for found in artefacts
        if found["precision"] == Precision.FP32
    }
    columns = ("artefact", "MB", "of fp32", "cold ms", "warm ms", "max |Δp| of batches")
    rows = [
        (
            found["artefact"],
            f"{found['size'] / 1e6:.2f}",
            f"{found['size'] / full[found['runtime']]:.0%}" if found["runtime"] in full else None,
            f"{found['latency_ms']['cold']:.0f}",
            f"{found['latency_ms']['warm']:.2f}",
            _small(max(found["batches"].values(), key=lambda difference: difference or 0)),
        )
        for found in artefacts
    ]
    return figure_table(columns, rows)


def attempts_table(findings: Findings) -> FigureTable:
    """Return the attempts at each quantized artefact, up to one that passed."""
    columns = ("artefact", "attempt", "MB", "max |Δp|", "flips", "result")
    rows = [
        (
            name,
            attempt["attempt"],
            f"{attempt['size'] / 1e6:.2f}",
            _small(attempt["max_difference"]),
            ", ".join(map(str, attempt["flips"].values())),
            verdict_of(attempt),
        )
        for name, tried in attempts_of(findings).items()
        for attempt in tried
    ]
    return figure_table(columns, rows)


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
    """Return the images and the reference of the comparison, in one phrase."""
    known = findings["positives"] + findings["negatives"]
    classes = (
        f", {findings['positives']} positive and {findings['negatives']} negative" if known else ""
    )
    return (
        f"{findings['films']} images of {findings['patients']} patients{classes}, compared with "
        f"{findings['reference']}"
    )


def remarks(findings: Findings) -> list[str]:
    """Return what limits the figures: missing labels or files, too few images, open verdicts."""
    found = []
    if findings["unjudged"]:
        found.append(f"not judged, because no image is labelled: {', '.join(findings['unjudged'])}")
    if findings["unreadable"]:
        found.append(f"{findings['unreadable']} files could not be read and were left out")
    if duplicates := findings.get("duplicates"):
        found.append(f"{duplicates} files are copies of other files and were left out")
    found += [
        f"inconclusive: {each['artefact']}: {line}"
        for each in findings["artefacts"]
        for line in each.get("undecided", ())
    ]
    shares = [each["gate"]["flips"] for each in findings["artefacts"] if each["gate"]["flips"]]
    if shares and findings["films"] < (least := sample_to_tell(0, 1, min(shares))):
        found.append(
            f"{findings['films']} images are too few to show that at most {min(shares):.1%} of "
            f"labels change; use at least {least}"
        )
    found += [
        f"{each['artefact']} was calibrated with {each['calibrated']} of the images, so its "
        "figures are too good; --held-out leaves these images out"
        for each in findings["artefacts"]
        if each["calibrated"]
    ]
    return found


def as_markdown(findings: Findings) -> str:
    """Return remarks, all tables and the artefacts left out as Markdown."""
    makers = (differences_table, metric_changes_table, size_and_time_table, attempts_table)
    blocks = [table.markdown for table in (make(findings) for make in makers) if table.rows]
    if lines := remarks(findings):
        blocks.insert(0, "\n".join(f"- {line}" for line in lines))
    if findings["withheld"]:
        names = ", ".join(findings["withheld"])
        blocks.append(f"Left out of the package because they did not pass: {names}.")
    return "\n\n".join(blocks)


def _small(value: float | None) -> str | None:
    return None if value is None else f"{value:.1e}"


def _correlation(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _change(interval: Mapping[str, float] | None) -> str | None:
    if interval is None:
        return None
    value, low, high = (interval[name] for name in ("value", "low", "high"))
    return f"{value:+.4f} ({low:+.4f} to {high:+.4f})"
