"""An evaluation as a folder: figures, predictions, pictures and a report that shows them."""

import json
from pathlib import Path
from typing import Final

from cxr_edge.errors import UsageError
from cxr_edge.evaluation.evaluate import ALL, Evaluation
from cxr_edge.evaluation.figures import ConfusionMatrix, Figures
from cxr_edge.evaluation.plots import (
    draw_confusion,
    draw_errors,
    draw_precision_recall,
    draw_reliability,
    draw_roc,
)
from cxr_edge.evaluation.predictions import PREDICTIONS, write_predictions
from cxr_edge.evaluation.tables import copies_table, points_table, shifts_table
from cxr_edge.notice import NOTICE

FIGURES: Final = "evaluation.json"
REPORT: Final = "report.md"
NAMES_ALONE: Final = (
    "Patients were matched by file name only; another data set may use the same names."
)

PICTURES: Final = (
    "confusion.png", "roc.png", "precision-recall.png", "reliability.png", "errors.png",
)  # fmt: skip
"""Those that need both classes are left out where one is missing."""


def write_evaluation(found: Evaluation, out: Path) -> None:
    """Write ``evaluation.json``, ``predictions.csv``, the pictures and ``report.md``.

    Pictures that need both classes are left out where a class is missing.

    Parameters
    ----------
    found
        What to write.
    out
        The folder; created.

    Raises
    ------
    UsageError
        It cannot be written, or has files that are of no evaluation.
    """
    claim_folder(out)
    try:
        for name in PICTURES:
            (out / name).unlink(missing_ok=True)
        text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False)
        (out / FIGURES).write_text(text + "\n", encoding="utf-8", errors="surrogateescape")
        write_predictions(out / PREDICTIONS, found.images, found.scores)
        _draw(found, out)
        (out / REPORT).write_text(_report(found, out), encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror}") from exc


def claim_folder(out: Path) -> None:
    """Make the folder of an evaluation, or check that an existing one may be written to.

    Raises
    ------
    UsageError
        It cannot be made, or has files that are of no evaluation.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        foreign = any(out.iterdir()) and not (out / FIGURES).exists()
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be made: {exc.strerror}") from exc
    if foreign:
        raise UsageError(
            f"--out: expected a new folder or that of an evaluation, {out} has other files; "
            "name another folder"
        )


def _draw(found: Evaluation, out: Path) -> None:
    point = found.spec.operating_point()
    scored = (found.images.labels, found.scores)
    draw_confusion(found.figures.point(point.name), found.spec.labels, out / "confusion.png")
    draw_errors(found.images, found.scores, point.threshold, found.spec.labels, out / "errors.png")
    draw_reliability(scored, found.figures.calibration_error, out / "reliability.png")
    if found.figures.auc:
        draw_roc({f"AUC {found.figures.auc}": scored}, found.figures, out / "roc.png")
        draw_precision_recall(scored, out / "precision-recall.png")


def _report(found: Evaluation, out: Path) -> str:
    head = (
        f"Runtime: {found.runtime}. Below, {found.group}: {describe(found.figures)}, "
        f"{found.images.patient_count} patients. {len(found.images.unreadable)} unreadable files "
        f"and {found.images.duplicates} exact duplicates were left out. Intervals are 95 %: "
        "DeLong's for the AUC, Wilson's for shares; both take images as independent, also those of "
        "one patient."
    )
    worth = (
        f"AUC {found.figures.auc or '-'}, calibration error {found.figures.calibration_error:.4f}, "
        f"Brier score {found.figures.brier:.4f}."
    )
    parts = [
        f"# Evaluation of {found.model}",
        NOTICE,
        head,
        worth,
        points_table(found.figures).markdown,
    ]
    if len(found.groups) > 1:
        parts += ["## Trained on, or not"]
        for name, figures in found.groups.items():
            parts += [
                f"{name}: {describe(figures)}; AUC {figures.auc or '-'}",
                points_table(figures).markdown,
            ]
        parts.append(
            "Told by file names and the split of the model. What is said of training patients "
            f"flatters the model.{'' if found.group != ALL else f' {NAMES_ALONE}'}"
        )
    else:
        parts.append("Which of these images the model was trained on, if any, it does not say.")
    if found.copies:
        name = found.spec.default_operating_point
        parts += ["## The same images, changed", copies_table(found.copies, name).markdown]
    if found.counterfactual:
        parts += ["## Marks, borders and blur", shifts_table(found.counterfactual).markdown]
    for point in found.figures.points:
        parts += [
            f"## At {point.name} (threshold {point.threshold:.6f})",
            f"```text\n{found.classification_report(point.name)}\n\n{matrices(point)}\n```",
        ]
    parts += ["## Pictures", *(f"![{name}]({name})" for name in PICTURES if (out / name).exists())]
    return "\n\n".join(parts) + "\n"


def describe(figures: Figures) -> str:
    """Return how many images there are, and how many of them are positive."""
    return f"{figures.images} images, {figures.positives} positive"


def matrices(point: ConfusionMatrix) -> str:
    """Return the confusion matrix raw and normalised by truth, as scikit-learn prints them."""
    rows = ((point.tn, point.fp), (point.fn, point.tp))
    raw = "\n".join(f" [{row[0]:5d} {row[1]:5d}]" for row in rows)
    shares = "\n".join(
        f" [{row[0] / max(1, sum(row)):.3f} {row[1] / max(1, sum(row)):.3f}]" for row in rows
    )
    return f"confusion matrix (rows: truth; columns: label given)\n{raw}\nnormalised\n{shares}"
