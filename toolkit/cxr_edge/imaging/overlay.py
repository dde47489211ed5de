"""Picture of where in an image a model finds its evidence: the image beside its heat map."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.imaging.image import SourceFacts
from cxr_edge.imaging.plot_style import new_figure, plot_style, save
from cxr_edge.storage.atomic import atomic_write

_NOTICE: Final = "Research use only, not a diagnosis. Warm colors: parts that the network used."
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
    titles: tuple[str, str],
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
        Titles of the two.
    path
        PNG file to write.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    # Pixels are drawn as tall against their width as they were in the source.
    aspect = (source.height / pixels.shape[0]) / (source.width / pixels.shape[1])
    tall = min(1.6, source.height / source.width)
    figure = new_figure(10, 0.9 + 4.4 * tall)
    axes = figure.subplots(1, 2)
    for axis, title in zip(axes, titles, strict=True):
        axis.imshow(pixels[:, :, 0], cmap="gray", vmin=0, vmax=255, aspect=aspect)
        axis.set_axis_off()
        axis.set_title(title, fontsize=10)
    overlay = axes[1]
    evidence = f"evidence for {heat.label}"
    if heat.total >= _LEAST:
        strongest = float(heat.values.max())
        shown = np.ma.masked_less(heat.values, _FAINT * strongest)
        drawn = overlay.imshow(
            shown, cmap="inferno", alpha=0.45, vmin=0, vmax=strongest, aspect=aspect
        )
        figure.colorbar(drawn, ax=overlay, shrink=0.8).set_label(f"{evidence} (logit per position)")
    else:
        overlay.text(
            0.5, 0.04, f"no {evidence}", color="white", ha="center", transform=overlay.transAxes,
            bbox={"facecolor": "black", "alpha": 0.7, "linewidth": 0},
        )  # fmt: skip
    figure.supxlabel(_NOTICE, fontsize=8)
    with atomic_write(path) as unfinished:
        save(figure, unfinished)
