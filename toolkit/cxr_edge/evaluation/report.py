"""Folder of an evaluation: figures, predictions, pictures and a report that shows them."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from sklearn.metrics import classification_report

from cxr_edge.errors import UsageError
from cxr_edge.evaluation.appearance import by_appearance
from cxr_edge.evaluation.evaluate import Evaluation
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
from cxr_edge.evaluation.worst_group import stated_auc
from cxr_edge.storage.atomic import atomic_write, write_text_atomically
from cxr_edge.storage.folder import obstacle
from cxr_edge.storage.system_names import is_empty

FIGURES: Final = "evaluation.json"
REPORT: Final = "report.md"
PICTURES: Final = (
    "confusion.png", "roc.png", "precision-recall.png", "reliability.png", "errors.png",
)  # fmt: skip
"""Names of the pictures; ROC and precision-recall need images of both classes."""


def write_evaluation(found: Evaluation, out: Path) -> None:
    """Write ``evaluation.json``, ``predictions.csv``, the pictures and ``report.md``.

    Each file is replaced as a whole; pictures of an earlier evaluation that this one does not have
    are removed.

    Parameters
    ----------
    found
        The evaluation.
    out
        The folder; created.

    Raises
    ------
    UsageError
        It cannot be written, or has files that are not of an evaluation.
    """
    check_folder(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False)
        write_text_atomically(out / FIGURES, text + "\n")
        write_predictions(out / PREDICTIONS, found.images, found.scores)
        drawn = _draw(found, out)
        for name in set(PICTURES) - set(drawn):
            (out / name).unlink(missing_ok=True)
        write_text_atomically(out / REPORT, _report(found, drawn))
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror}") from exc


def check_folder(out: Path, figures: str = FIGURES, what: str = "an evaluation") -> None:
    """Check that an evaluation can be written to a folder, which need not exist yet.

    Parameters
    ----------
    out
        The folder.
    figures
        Name of the file by which an earlier one is known.
    what
        Words for it, for the message.

    Raises
    ------
    UsageError
        It cannot be made, or has files of something else.
    """
    if there := obstacle(out):
        raise UsageError(f"--out: {out} cannot be made; {there} is not a folder to write to")
    if out.exists() and not is_empty(out) and not (out / figures).exists():
        raise UsageError(
            f"--out: expected a new folder or the folder of {what}, {out} has other files; "
            "name another folder"
        )


def _draw(found: Evaluation, out: Path) -> list[str]:
    """Draw the pictures and return their names."""
    point = found.spec.operating_point()
    matrix = found.figures.point(point.name)
    scored = (found.images.labels, found.scores)
    labels, auc = found.spec.labels, found.figures.auc
    error = found.figures.calibration_error
    draw: dict[str, Callable[[Path], None]] = {
        "confusion.png": partial(draw_confusion, matrix, labels),
        "reliability.png": partial(draw_reliability, scored, error),
        "errors.png": partial(draw_errors, found.images, found.scores, point.threshold),
    }
    if auc:
        draw["roc.png"] = partial(draw_roc, {f"AUC {auc}": scored}, found.figures)
        draw["precision-recall.png"] = partial(draw_precision_recall, scored, found.figures)
    for name, picture in draw.items():
        with atomic_write(out / name) as path:
            picture(path)
    return [name for name in PICTURES if name in draw]


def _report(found: Evaluation, pictures: Sequence[str]) -> str:
    head = (
        f"Runtime: {found.runtime}. Below, {found.group}: {describe(found.figures)}, "
        f"{found.images.patient_count} patients. {len(found.images.unreadable)} unreadable files "
        f"and {found.images.duplicates} exact duplicates were left out. Intervals are 95 %: "
        "DeLong's for the AUC, Wilson's for shares; both take images as independent, also those of "
        "one patient."
    )
    summary = (
        f"{stated_auc(found.figures.auc, found.by_style)}. Calibration error "
        f"{found.figures.calibration_error:.4f}, Brier score {found.figures.brier:.4f}."
    )
    points = points_table(found.figures).markdown
    parts = [
        f"# Evaluation of {found.model}",
        found.spec.notice,
        head,
        summary,
        points,
        *_groups(found),
    ]
    if found.copies:
        name = found.spec.default_operating_point
        parts += ["## Changed copies of the images", copies_table(found.copies, name).markdown]
    if found.counterfactual:
        parts += ["## Markers, borders and blur", shifts_table(found.counterfactual).markdown]
    if found.by_style:
        name = found.spec.default_operating_point
        parts += ["## By appearance", *by_appearance(found.by_style, name)]
    for point in found.figures.points:
        parts += [
            f"## At {point.name} (threshold {point.threshold:.6f})",
            f"```text\n{report_by_class(found, point.name)}\n\n{matrices(point)}\n```",
        ]
    parts += ["## Pictures", *(f"![{name}]({name})" for name in pictures)]
    return "\n\n".join(parts) + "\n"


def _groups(found: Evaluation) -> list[str]:
    parts = ["## Images that the model has seen", *found.overlap.remarks]
    for name, figures in found.groups.items():
        if len(found.groups) > 1:
            parts += [
                f"{name}: {describe(figures)}; AUC {figures.auc or '-'}",
                points_table(figures).markdown,
            ]
    return parts


def report_by_class(found: Evaluation, point: str) -> str:
    """Return scikit-learn's table of precision, recall and F1 at the operating point ``point``."""
    threshold = found.spec.operating_point(point).threshold
    text = classification_report(
        found.images.labels,
        (found.scores >= threshold).astype(int),
        labels=[0, 1],
        target_names=list(found.spec.labels),
        digits=3,
        zero_division=0,
    )
    return str(text).rstrip()


def describe(figures: Figures) -> str:
    """Return the counts of images and of positive images."""
    return f"{figures.images} images, {figures.positives} positive"


def matrices(point: ConfusionMatrix) -> str:
    """Return the confusion matrix raw and normalized by truth, as scikit-learn prints them."""
    rows = ((point.tn, point.fp), (point.fn, point.tp))
    raw = "\n".join(f" [{row[0]:5d} {row[1]:5d}]" for row in rows)
    shares = "\n".join(
        f" [{row[0] / max(1, sum(row)):.3f} {row[1] / max(1, sum(row)):.3f}]" for row in rows
    )
    return f"confusion matrix (rows: truth; columns: label given)\n{raw}\nnormalized\n{shares}"
