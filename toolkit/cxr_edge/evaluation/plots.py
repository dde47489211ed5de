"""Pictures of an evaluation."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.evaluation.figures import ConfusionMatrix, Figures
from cxr_edge.imaging.plot_style import (
    COLORS,
    GRAY,
    MARKERS,
    grid,
    new_figure,
    plot_style,
    save,
    shares,
    whole_numbers,
)
from cxr_edge.metrics.calibration import reliability_by_count
from cxr_edge.metrics.proportions import wilson

_SIDE: Final = 6.0
"""Width of a square picture, inches."""

_ERRORS: Final = 16
"""Largest number of images shown, half of them false negatives, half false positives."""

_COLUMNS: Final = 4

Scored = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Labels and probabilities of the same images, each of shape (N,)."""


@plot_style()
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
    parts = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = new_figure(2 * _SIDE * 0.8, _SIDE * 0.8)
    raw, normalized = figure.subplots(1, 2)
    _draw_matrix(raw, counts, counts / max(1, counts.max()), labels, "images", "{:d}")
    _draw_matrix(normalized, parts, parts, labels, "share of the true class", "{:.3f}")
    figure.suptitle(f"Confusion at {point.name} (threshold {point.threshold:.6f})")
    save(figure, path)


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
        text = style.format(value)
        axis.text(column, row, text, ha="center", va="center", color=color, fontsize=14)
    axis.set_xticks(range(len(labels)), labels)
    axis.set_yticks(range(len(labels)), labels, rotation=90, va="center")
    axis.set_xlabel("label given")
    axis.set_ylabel("truth")
    axis.spines[:].set_visible(False)
    axis.set_title(title)


@plot_style()
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
    figure = new_figure(_SIDE, _SIDE + 0.25 * len(curves))
    axis = figure.subplots()
    for name, (labels, scores) in curves.items():
        wrong, right, _ = roc_curve(labels, scores)
        axis.plot(wrong, right, label=name, clip_on=False)
    axis.plot([0, 1], [0, 1], ":", color=GRAY, label="chance")
    for number, point in enumerate(found.points if found else ()):
        if point.sensitivity and point.specificity:
            figures = (
                f"sensitivity {point.sensitivity.value:.3f}, "
                f"specificity {point.specificity.value:.3f}"
            )
            _mark(
                axis, number, point, 1 - point.specificity.value, point.sensitivity.value, figures
            )
    axis.set_title("ROC")
    _finish_square(axis, "1 - specificity", "sensitivity")
    figure.legend(loc="outside lower center", labelspacing=0.9)
    save(figure, path)


@plot_style()
def draw_precision_recall(scored: Scored, found: Figures, path: Path) -> None:
    """Write the precision-recall curve, its operating points, and the prevalence.

    The prevalence is the precision of chance. An operating point that no image reaches has no
    precision: it is not in the curve, and the legend says so.

    Parameters
    ----------
    scored
        Labels, both occurring, and probabilities.
    found
        Figures of the same images.
    path
        The PNG.
    """
    labels, scores = scored
    precision, recall, _ = precision_recall_curve(labels, scores)
    figure = new_figure(_SIDE, _SIDE + 0.25)
    axis = figure.subplots()
    axis.plot(recall, precision, label="model", clip_on=False)
    prevalence = float(np.mean(labels))
    axis.plot([0, 1], [prevalence] * 2, ":", color=GRAY, label=f"chance ({prevalence:.2f})")
    for number, point in enumerate(found.points):
        if point.sensitivity and point.ppv:
            figures = f"sensitivity {point.sensitivity.value:.3f}, PPV {point.ppv.value:.3f}"
            _mark(axis, number, point, point.sensitivity.value, point.ppv.value, figures)
        else:
            axis.plot([], [], " ", label=f"{_name(point)}: no PPV, no image is called positive")
    axis.set_title("Precision and recall")
    _finish_square(axis, "sensitivity (recall)", "PPV (precision)")
    figure.legend(loc="outside lower center", labelspacing=0.9)
    save(figure, path)


def _mark(
    axis: Axes, number: int, point: ConfusionMatrix, x: float, y: float, figures: str
) -> None:
    """Draw an operating point as a ring; the next ones are smaller, so that none hides another."""
    axis.plot(
        x, y, MARKERS[number % len(MARKERS)], markersize=max(4, 16 - 4 * number),
        markerfacecolor="none", markeredgewidth=1.8, color=COLORS[(number + 1) % len(COLORS)],
        clip_on=False, zorder=3, label=f"{_name(point)}: {figures}",
    )  # fmt: skip


def _name(point: ConfusionMatrix) -> str:
    return f"{point.name} ({point.threshold:.3f})"


def _finish_square(axis: Axes, x: str, y: str) -> None:
    axis.set(xlabel=x, ylabel=y, aspect="equal")
    shares(axis)
    grid(axis)


@plot_style()
def draw_reliability(scored: Scored, error: float, path: Path) -> None:
    """Write the share of positives against the mean probability, in bins of equal count.

    Below stands how many images have which probability.

    Parameters
    ----------
    scored
        Labels and probabilities.
    error
        Calibration error, for the legend.
    path
        The PNG.
    """
    labels, scores = scored
    counts, means, positives = reliability_by_count(labels, scores)
    rates = [wilson(*pair) for pair in zip(positives.tolist(), counts.tolist(), strict=True)]
    values = [rate.value for rate in rates]
    reach = ([rate.value - rate.low for rate in rates], [rate.high - rate.value for rate in rates])
    figure = new_figure(_SIDE, _SIDE * 1.3)
    axis, below = figure.subplots(2, 1, height_ratios=(4, 1), sharex=True)
    axis.plot([0, 1], [0, 1], ":", color=GRAY, label="calibrated")
    axis.errorbar(
        means, values, reach, fmt="o-", capsize=3, clip_on=False,
        label=f"model (calibration error {error:.4f}), 95 % intervals",
    )  # fmt: skip
    axis.set_ylabel("share of positive images")
    shares(axis)
    bins = "1 bin" if len(counts) == 1 else f"{len(counts)} bins"
    axis.set_title(f"Reliability, {bins} of {_span(counts)}")
    below.hist(scores, bins=20, range=(0, 1), color=COLORS[4], edgecolor="white", linewidth=0.5)
    below.set(ylabel="images", xlabel="probability (above: mean of the bin)")
    below.yaxis.set_major_locator(whole_numbers(4))
    for each in (axis, below):
        grid(each)
    figure.legend(loc="outside lower center")
    save(figure, path)


def _span(counts: NDArray[np.int64]) -> str:
    least, most = int(counts.min()), int(counts.max())
    if least != most:
        return f"{least} to {most} images"
    return "1 image" if least == 1 else f"{least} images"


@plot_style()
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
    truth, (negative, positive) = images.labels, images.classes
    called = scores >= threshold
    missed = sorted(np.flatnonzero((truth == 1) & ~called), key=lambda index: scores[index])
    alarms = sorted(np.flatnonzero((truth == 0) & called), key=lambda index: -scores[index])
    kinds = (
        (missed, f"{positive} labelled {negative}"),
        (alarms, f"{negative} labelled {positive}"),
    )
    blocks = [
        (errors[: _ERRORS // 2], f"{_worst(len(errors))} {name} at threshold {threshold:.3f}")
        for errors, name in kinds
        if errors
    ]
    if not blocks:
        figure = new_figure(_COLUMNS * 1.6, 1.2)
        figure.text(0.5, 0.5, f"No errors at threshold {threshold:.3f}", ha="center", va="center")
        save(figure, path)
        return
    rows = [math.ceil(len(shown) / _COLUMNS) for shown, _ in blocks]
    columns = max(
        math.ceil(len(shown) / count) for (shown, _), count in zip(blocks, rows, strict=True)
    )
    heights = [0.5 + 3.0 * count for count in rows]
    figure = new_figure(max(2, columns) * 2.6, sum(heights))
    parts = figure.subfigures(len(blocks), 1, height_ratios=heights, squeeze=False)
    for part, count, (shown, title) in zip(parts[:, 0], rows, blocks, strict=True):
        part.suptitle(title)
        for axis, index in zip(_centered(part, len(shown), count, columns), shown, strict=True):
            axis.imshow(images.pixels[index, :, :, 0], cmap="gray", vmin=0, vmax=255)
            axis.set_axis_off()
            name = end_of_name(images.images[index].path.name, 28)
            axis.set_title(f"p = {scores[index]:.6f}\n{name}", fontsize=8)
    save(figure, path)


def _worst(errors: int) -> str:
    return f"Worst {_ERRORS // 2} of {errors}" if errors > _ERRORS // 2 else str(errors)


def _centered(part: FigureBase, count: int, rows: int, columns: int) -> Iterator[Axes]:
    """Yield so many axes in rows of about the same length, each in the middle: no empty cell."""
    cells = part.add_gridspec(rows, 2 * columns)
    for row, members in enumerate(np.array_split(np.arange(count), rows)):
        for place in range(len(members)):
            left = columns - len(members) + 2 * place
            yield part.add_subplot(cells[row, left : left + 2])


def end_of_name(name: str, length: int) -> str:
    """Return a file name for a picture: its last characters, at most ``length``."""
    shown = name.encode("utf-8", "backslashreplace").decode()
    return shown if len(shown) <= length else f"...{shown[3 - length :]}"
