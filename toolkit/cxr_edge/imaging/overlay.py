"""Picture of where in an image a model finds its evidence: the image beside its heat map."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from cxr_edge.imaging.image import SourceFacts
from cxr_edge.imaging.plot_style import new_figure, plot_style, save
from cxr_edge.notice import RESEARCH_USE
from cxr_edge.storage.atomic import atomic_write

_WIDEST: Final = 4.8
_HIGHEST: Final = 7.0
_LOWEST: Final = 0.5
"""Largest width and height of one of the two images, and the least height; inches."""
_NARROWEST: Final = 5.4
"""Least width of the picture, in which a line of its text fits; inches."""
_LINE: Final = 64
"""Characters per line of text."""
_FAINT: Final = 0.15
"""Share of the strongest evidence below which nothing is drawn over the image."""
_LEAST: Final = 0.1
"""Total evidence, in units of the logit, below which nothing is shown."""


@dataclass(frozen=True)
class HeatMap:
    """Evidence for one class, by place."""

    values: NDArray[np.float32]
    """Evidence, at least 0, float32 of shape (H, W)."""
    total: float
    """Total evidence, in units of the logit."""
    label: str
    """Name of the class."""


@plot_style()
def draw_overlay(
    pixels: NDArray[np.uint8],
    source: SourceFacts,
    heat: HeatMap,
    titles: Sequence[str],
    path: Path,
) -> None:
    """Write an image and the same image under its heat map, side by side.

    Parameters
    ----------
    pixels
        Input of the model, uint8 of shape (H, W, C).
    source
        Facts about the file; the picture has its proportions.
    heat
        The heat map, of the same H and W.
    titles
        Lines above the two.
    path
        PNG file to write.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    # Pixels are drawn as tall against their width as they were in the source.
    aspect = (source.height / pixels.shape[0]) / (source.width / pixels.shape[1])
    width = min(_WIDEST, _HIGHEST * source.width / source.height)
    height = max(_LOWEST, width * source.height / source.width)
    colored = heat.total >= _LEAST
    figure = new_figure(max(_NARROWEST, 2 * width + 0.4), height + (1.9 if colored else 1.2))
    axes = figure.subplots(1, 2)
    for axis in axes:
        axis.imshow(pixels[:, :, 0], cmap="gray", vmin=0, vmax=255, aspect=aspect)
        axis.set_axis_off()
    if colored:
        strongest = float(heat.values.max())
        shown = np.ma.masked_less(heat.values, _FAINT * strongest)
        drawn = axes[1].imshow(
            shown, cmap="inferno", alpha=0.45, vmin=0, vmax=strongest, aspect=aspect
        )
        bar = figure.colorbar(
            drawn, ax=axes, orientation="horizontal", shrink=0.7, ticks=MaxNLocator(4),
            fraction=0.15 / height, aspect=30,
        )  # fmt: skip
        bar.set_label(_lines(f"evidence for {heat.label} (logit per position)"))
        meaning = "Warm colors: parts that the network used."
    else:
        meaning = f"No evidence for {heat.label}, so no colors."
    figure.suptitle("\n".join(map(_lines, titles)), fontsize=10)
    figure.supxlabel(_lines(f"{RESEARCH_USE} {meaning}", 80), fontsize=8)
    with atomic_write(path) as unfinished:
        save(figure, unfinished)


def _lines(text: str, length: int = _LINE) -> str:
    """Return a text whose lines fit into the picture."""
    return "\n".join(textwrap.fill(line, length) for line in text.splitlines())
