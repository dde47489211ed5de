"""Pictures of an evaluation."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.evaluation.figures import ConfusionMatrix, Figures
from cxr_edge.metrics.calibration import reliability

_DPI: Final = 100
_SIDE: Final = 6.0
"""Width and height of a square picture, inches."""

_ERRORS: Final = 16
"""Largest number of images shown, half of them false negatives, half false positives."""

_COLUMNS: Final = 4

Scored = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Labels and probabilities of the same images, each of shape (N,)."""


def draw_confusion(point: ConfusionMatrix, labels: Sequence[str], path: Path) -> None:
    """Write the confusion matrix at one operating point, raw and normalized by truth.

    Parameters
    ----------
    point
        Counts of the labels.
    labels
        Names of the negative and the positive class.
    path
        The PNG.
    """
    counts = np.array([[point.tn, point.fp], [point.fn, point.tp]])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(2 * _SIDE * 0.8, _SIDE * 0.8), layout="constrained")
    raw, normalized = figure.subplots(1, 2)
    _draw_matrix(raw, counts, counts / max(1, counts.max()), labels, "images", "{:d}")
    _draw_matrix(normalized, shares, shares, labels, "share of the true class", "{:.3f}")
    figure.suptitle(f"Confusion at {point.name} (threshold {point.threshold:.6f})")
    figure.savefig(path, dpi=_DPI)


def _draw_matrix(
    axis: Axes,
    values: NDArray[np.generic],
    shades: NDArray[np.float64],
    labels: Sequence[str],
    title: str,
    style: str,
) -> None:
    axis.imshow(shades, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(values):
        color = "white" if shades[row, column] > 0.5 else "black"
        axis.text(column, row, style.format(value), ha="center", va="center", color=color)
    axis.set_xticks(range(len(labels)), labels)
    axis.set_yticks(range(len(labels)), labels, rotation=90, va="center")
    axis.set_xlabel("label given")
    axis.set_ylabel("truth")
    axis.set_title(title)


def draw_roc(curves: Mapping[str, Scored], found: Figures | None, path: Path) -> None:
    """Write ROC curves, with the operating points of the first curve.

    Parameters
    ----------
    curves
        Name in the legend to labels and probabilities.
    found
        Figures of the first curve; None for no operating points.
    path
        The PNG.
    """
    figure = Figure(figsize=(_SIDE, _SIDE), layout="constrained")
    axis = figure.subplots()
    for name, (labels, scores) in curves.items():
        wrong, right, _ = roc_curve(labels, scores)
        axis.plot(wrong, right, label=name.replace("$", r"\$"))  # no formula
    for point in found.points if found else ():
        if point.sensitivity and point.specificity:
            place = (1 - point.specificity.value, point.sensitivity.value)
            axis.plot(*place, "o", label=f"{point.name} ({point.threshold:.3f})")
    axis.plot([0, 1], [0, 1], ":", color="gray", label="chance")
    axis.set_xlabel("1 - specificity")
    axis.set_ylabel("sensitivity")
    axis.set_title("ROC")
    _finish(figure, axis, path)


def draw_precision_recall(scored: Scored, path: Path) -> None:
    """Write the precision-recall curve, and the prevalence, which is the precision of chance.

    Parameters
    ----------
    scored
        Labels, both occurring, and probabilities.
    path
        The PNG.
    """
    labels, scores = scored
    precision, recall, _ = precision_recall_curve(labels, scores)
    figure = Figure(figsize=(_SIDE, _SIDE), layout="constrained")
    axis = figure.subplots()
    axis.plot(recall, precision, label="model")
    prevalence = float(np.mean(labels))
    axis.axhline(prevalence, linestyle=":", color="gray", label=f"chance ({prevalence:.2f})")
    axis.set_xlabel("sensitivity (recall)")
    axis.set_ylabel("PPV (precision)")
    axis.set_ylim(0, 1.02)
    axis.set_title("Precision and recall")
    _finish(figure, axis, path)


def draw_reliability(scored: Scored, error: float, path: Path) -> None:
    """Write the share of positives against the mean probability, bin by bin."""
    counts, means, shares = reliability(*scored)
    figure = Figure(figsize=(_SIDE, _SIDE * 1.3), layout="constrained")
    axis, below = figure.subplots(2, 1, height_ratios=(4, 1), sharex=True)
    axis.plot([0, 1], [0, 1], ":", color="gray", label="calibrated")
    axis.plot(means, shares, "o-", label=f"model (calibration error {error:.4f})")
    axis.set_ylabel("share of positive images")
    axis.set_title("Reliability")
    below.bar(means, counts, width=0.05)
    below.set_yscale("log")
    below.set_ylabel("images")
    below.set_xlabel("mean probability in the bin")
    _finish(figure, axis, path)


def draw_errors(
    images: ImageSet, scores: NDArray[np.float64], threshold: float, path: Path
) -> None:
    """Write the worst errors: half of them false negatives, half false positives, if there are.

    Parameters
    ----------
    images
        N images.
    scores
        Their probabilities, shape (N,).
    threshold
        Probability from which an image is positive.
    path
        The PNG.
    """
    truth, labels = images.labels, images.classes
    positive = scores >= threshold
    half = _ERRORS // 2
    missed = sorted(np.flatnonzero((truth == 1) & ~positive), key=lambda index: scores[index])
    alarms = sorted(np.flatnonzero((truth == 0) & positive), key=lambda index: -scores[index])
    shown = [*missed[:half], *alarms[:half]]
    rows = max(1, math.ceil(len(shown) / _COLUMNS))
    figure = Figure(figsize=(_COLUMNS * 2.6, 0.5 + rows * 3.0), layout="constrained")
    axes = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, index in zip(axes.flat, shown, strict=False):
        axis.imshow(images.pixels[index, :, :, 0], cmap="gray", vmin=0, vmax=255)
        name = images.images[index].path.name
        text = f"{labels[truth[index]]}, p = {scores[index]:.3f}\n{end_of_name(name, 28)}"
        axis.set_title(text, fontsize=8, parse_math=False)
    figure.suptitle(
        f"Worst of {len(missed)} missed {labels[1]} and {len(alarms)} false {labels[1]} "
        f"at threshold {threshold:.3f}"
    )
    figure.savefig(path, dpi=_DPI)


def end_of_name(name: str, length: int) -> str:
    """Return a file name for a picture: its last characters, at most ``length``."""
    shown = name.encode("utf-8", "backslashreplace").decode()
    return shown if len(shown) <= length else f"...{shown[3 - length :]}"


def _finish(figure: Figure, axis: Axes, path: Path) -> None:
    axis.grid(visible=True, alpha=0.3)
    axis.legend(loc="best")
    figure.savefig(path, dpi=_DPI)
