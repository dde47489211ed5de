"""Pictures of a training run: samples and curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.imaging.plot_style import GRAY, grid, new_figure, plot_style, save, whole_numbers
from cxr_edge.training.augment import Augment

_ROWS: Final = 8
_COLUMNS: Final = 4

_CURVES: Final = (("loss", "loss"), ("accuracy", "accuracy"), ("auc", "area under the ROC curve"))


@plot_style()
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
    figure = new_figure(_COLUMNS * 2.2, _ROWS * 2.4)
    axes = figure.subplots(_ROWS, _COLUMNS)
    for axis, index in zip(axes.flat, np.stack(by_class, axis=1).ravel(), strict=True):
        axis.imshow(augment(images.pixels[index], rng)[:, :, 0], cmap="gray", vmin=0, vmax=255)
        axis.set_title(images.images[index].class_in(images.classes), fontsize=10)
        axis.set_axis_off()
    save(figure, path)


@plot_style()
def draw_curves(history: Sequence[Mapping[str, float]], best: int, path: Path) -> None:
    """Write loss, accuracy and AUC by epoch, the kept epoch marked; validation where there is one.

    Parameters
    ----------
    history
        Rows of the history, one per epoch.
    best
        The epoch whose weights were kept, from 1.
    path
        The PNG.
    """
    figure = new_figure(8, 10)
    axes = figure.subplots(len(_CURVES), 1, sharex=True)
    for axis, (key, title) in zip(axes, _CURVES, strict=True):
        _draw_curve(axis, history, key, title, best)
    axes[-1].set_xlabel("epoch")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    save(figure, path)


def _draw_curve(
    axis: Axes, history: Sequence[Mapping[str, float]], key: str, title: str, best: int
) -> None:
    epochs = [int(row["epoch"]) for row in history]
    axis.axvline(best, color=GRAY, linestyle=":", label=f"kept: epoch {best}", zorder=1)
    axis.plot(epochs, [row[key] for row in history], "o-", label="training (augmented images)")
    if f"val_{key}" in history[0]:
        axis.plot(
            epochs, [row[f"val_{key}"] for row in history], "s-", label="validation",
            markersize=9, markerfacecolor="none", markeredgewidth=1.8,
        )  # fmt: skip
    axis.set(ylabel=title, xlim=(epochs[0] - 0.5, epochs[-1] + 0.5))
    axis.margins(y=0.15)
    axis.xaxis.set_major_locator(whole_numbers())
    grid(axis)
