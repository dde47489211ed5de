"""Pictures of a training run: samples and curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.training.augment import Augment

_ROWS: Final = 8
_COLUMNS: Final = 4
_DPI: Final = 100

_CURVES: Final = (("loss", "loss"), ("accuracy", "accuracy"), ("auc", "area under the ROC curve"))


def draw_samples(images: ImageSet, augment: Augment, seed: int, path: Path) -> None:
    """Write an 8 x 4 grid of augmented images with their labels, as in the study.

    Parameters
    ----------
    images
        Images to draw from, half of each class, with repetition.
    augment
        Augmentation of each image.
    seed
        Seed of the draw and of the changes.
    path
        The PNG.
    """
    rng = np.random.default_rng(seed)
    half = _ROWS * _COLUMNS // 2
    by_class = [rng.choice(np.flatnonzero(images.labels == label), half) for label in (0, 1)]
    figure = Figure(figsize=(_COLUMNS * 2.2, _ROWS * 2.4), layout="constrained")
    axes = figure.subplots(_ROWS, _COLUMNS)
    for axis, index in zip(axes.flat, np.stack(by_class, axis=1).ravel(), strict=True):
        axis.imshow(augment(images.pixels[index], rng)[:, :, 0], cmap="gray", vmin=0, vmax=255)
        axis.set_title(images.images[index].class_in(images.classes), fontsize=10)
        axis.set_axis_off()
    figure.savefig(path, dpi=_DPI)


def draw_curves(history: Sequence[Mapping[str, float]], best: int, path: Path) -> None:
    """Write loss, accuracy and AUC by epoch, training and validation, the kept epoch marked.

    Parameters
    ----------
    history
        Rows of the history, one per epoch.
    best
        The epoch whose weights were kept, from 1.
    path
        The PNG.
    """
    figure = Figure(figsize=(8, 10), layout="constrained")
    for axis, (key, title) in zip(figure.subplots(len(_CURVES), 1), _CURVES, strict=True):
        _draw_curve(axis, history, key, title, best)
    figure.savefig(path, dpi=_DPI)


def _draw_curve(
    axis: Axes, history: Sequence[Mapping[str, float]], key: str, title: str, best: int
) -> None:
    epochs = [int(row["epoch"]) for row in history]
    axis.plot(epochs, [row[key] for row in history], "o-", label="training (augmented images)")
    axis.plot(epochs, [row[f"val_{key}"] for row in history], "s-", label="validation")
    axis.axvline(best, color="gray", linestyle=":", label=f"kept: epoch {best}")
    axis.set_xlabel("epoch")
    axis.set_ylabel(title)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(visible=True, alpha=0.3)
    axis.legend()
