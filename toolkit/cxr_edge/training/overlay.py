"""Picture of an explanation: the image beside the image with its heat map."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from cxr_edge.evaluation.plots import end_of_name
from cxr_edge.pipeline.prepare import Pixels
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS
from cxr_edge.training.grad_cam import Explanation

_NOTICE: Final = "Research use only, not a diagnosis. Warm colours: parts that the network used."
_FAINT: Final = 0.15
"""Share of the strongest evidence below which nothing is drawn over the image."""
_LEAST: Final = 0.1
"""Total evidence, in units of the logit, below which nothing is shown."""


def draw_overlay(
    image: Pixels, found: Explanation, spec: ModelSpec, title: str, path: Path
) -> None:
    """Write image and overlay side by side, with label, probability, threshold and logit.

    Parameters
    ----------
    image
        Input of the model; the picture has the proportions of its source.
    found
        The explanation.
    spec
        Spec of the model.
    title
        Name of the image.
    path
        The PNG.
    """
    pixels, shape = image.pixels, (image.source.height, image.source.width)
    point = spec.operating_point()
    label = spec.labels[round(found.probability, PROBABILITY_DECIMALS) >= point.threshold]
    # Pixels are drawn as tall against their width as they were in the source.
    aspect = (shape[0] / pixels.shape[0]) / (shape[1] / pixels.shape[1])
    figure = Figure(figsize=(10, 0.9 + 4.4 * min(1.6, shape[0] / shape[1])), layout="constrained")
    plain, overlay = figure.subplots(1, 2)
    for axis in (plain, overlay):
        axis.imshow(pixels[:, :, 0], cmap="gray", vmin=0, vmax=255, aspect=aspect)
        axis.set_axis_off()
    evidence = f"evidence for {spec.labels[1]}"
    if found.evidence >= _LEAST:
        strongest = float(found.heat.max())
        shown = np.ma.masked_less(found.heat, _FAINT * strongest)
        heat = overlay.imshow(
            shown, cmap="inferno", alpha=0.45, vmin=0, vmax=strongest, aspect=aspect
        )
        figure.colorbar(heat, ax=overlay, shrink=0.8).set_label(f"{evidence} (logit per position)")
    else:
        overlay.text(
            0.5, 0.04, f"no {evidence}", color="white", ha="center", transform=overlay.transAxes,
            bbox={"facecolor": "black", "alpha": 0.7, "linewidth": 0},
        )  # fmt: skip
    plain.set_title(end_of_name(title, 44), fontsize=10, parse_math=False)
    overlay.set_title(
        f"{label}, p = {found.probability:.3f}, logit {found.logit:+.2f}\n"
        f"threshold {point.threshold:.3f} ({point.name})",
        fontsize=10,
    )
    figure.supxlabel(_NOTICE, fontsize=8)
    figure.savefig(path, dpi=100)
