"""Evidence that a Keras network finds in an image, by its own heat map or by Grad-CAM."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.imaging.overlay import HeatMap
from cxr_edge.pipeline.decision import Decision
from cxr_edge.reports.heat_maps import evidence
from cxr_edge.training.grad_cam import Explainer
from cxr_export.keras_models.backend import require_tensorflow
from cxr_export.keras_models.runtime import KerasRuntime

_LEAST: Final = 0.1
"""Total evidence by Grad-CAM, in units of the logit, below which nothing is shown."""
_NO_SPAN: Final = 1e-9
"""Least difference of the ends of its scale: none, as places of large layers have little each."""


@dataclass(frozen=True)
class Seen:
    """Answer of a network to one image, and its evidence."""

    probability: float
    """P(positive class)."""
    logit: float
    """Its logit."""
    heat: HeatMap
    """Evidence by place."""


def explainer(original: KerasRuntime, decision: Decision) -> Callable[[NDArray[np.uint8]], Seen]:
    """Return the function that explains an image, uint8 of shape (H, W, C).

    Parameters
    ----------
    original
        Model that was asked for heat maps.
    decision
        Labels and threshold.

    Raises
    ------
    UsageError
        It gives no heat map, and Keras computes with another library than TensorFlow.
    ModelInvalid
        It gives no heat map, and Grad-CAM cannot explain it either.
    """
    if original.adapter.wanted[1:]:
        return lambda pixels: _by_map(original, decision, pixels)
    require_tensorflow("finds gradients of Keras models")
    network = Explainer(original.model)
    return lambda pixels: _by_gradient(network, decision, pixels)


def _by_map(original: KerasRuntime, decision: Decision, pixels: NDArray[np.uint8]) -> Seen:
    outputs = original.run(pixels[np.newaxis])
    assert outputs.maps is not None
    (probability,), (values,) = outputs.scores.tolist(), outputs.maps
    return Seen(probability, float(values.mean()), evidence(values, decision))


def _by_gradient(network: Explainer, decision: Decision, pixels: NDArray[np.uint8]) -> Seen:
    found = network.explain(pixels)
    values = found.heat if found.evidence >= _LEAST else np.zeros_like(found.heat)
    heat = HeatMap(values, decision.labels[1], "share of the logit at each place", _NO_SPAN)
    return Seen(found.probability, found.logit, heat)
