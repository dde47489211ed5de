"""What a quantizer is asked for, and what every quantizer can do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.precision import Precision

MINMAX: Final = "minmax"
PERCENTILE: Final = "percentile"
ENTROPY: Final = "entropy"
"""Calibrators: how the range of an activation follows from what it was on the calibration images:
all of it, its middle 99.999 %, or what loses the least information at 8 bits."""


@dataclass(frozen=True)
class QuantizationPlan:
    """How to quantize a network."""

    calibrator: str = ""
    """One of the calibrators; empty where no activation is quantized beforehand."""
    images: int = 0
    """Calibration images to use, the first of those given."""
    weights_only: tuple[str, ...] = ()
    """Layers whose weights alone are quantized."""
    float_layers: tuple[str, ...] = ()
    """Layers that stay in float."""


class Quantizer(Protocol):
    """Turns one float artefact into artefacts of fewer bits."""

    @property
    def precision(self) -> Precision:
        """One of :data:`cxr_edge.spec.quantization.PRECISIONS`."""

    @property
    def calibrators(self) -> tuple[str, ...]:
        """Calibrators to choose from; empty where nothing is calibrated."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers with weights, in the order of the graph."""

    def write(self, plan: QuantizationPlan, spec: ModelSpec, path: Path) -> None:
        """Quantize and write the artefact with its spec inside.

        Raises
        ------
        ModelError
            The library refuses.
        """
