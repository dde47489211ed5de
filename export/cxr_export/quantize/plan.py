"""Plans of quantization, and the Protocol of quantizers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.precision import Precision

MINMAX: Final = "minmax"
PERCENTILE: Final = "percentile"
ENTROPY: Final = "entropy"
"""Calibrators. The range of an activation is that of its values on the calibration images: all of
them, the middle 99.999 %, or the range that loses the least information at 8 bits."""


@dataclass(frozen=True)
class QuantizationPlan:
    """Choices made for one quantization of a network."""

    calibrator: str = ""
    """Name of a calibrator; empty if no activation is quantized in advance."""
    images: int = 0
    """Count of calibration images, the first of those given."""
    weights_only: tuple[str, ...] = ()
    """Layers of which only the weights are quantized."""
    float_layers: tuple[str, ...] = ()
    """Layers that stay in float."""


class Quantizer(Protocol):
    """A library that quantizes one float artefact."""

    @property
    def precision(self) -> Precision:
        """Precision of its artefacts: one of :data:`cxr_edge.spec.quantization.PRECISIONS`."""

    @property
    def calibrators(self) -> tuple[str, ...]:
        """Calibrators to choose from; empty if nothing is calibrated."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers with weights, in the order of the graph."""

    def write(self, plan: QuantizationPlan, spec: ModelSpec, path: Path) -> None:
        """Quantize and write the artefact with its spec inside.

        Raises
        ------
        ModelError
            The library cannot quantize it in this way.
        """
