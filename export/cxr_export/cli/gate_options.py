"""The options that set the limits of artefacts, the same for ``cxr export`` and ``cxr verify``."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer

from cxr_edge.cli import panels
from cxr_edge.cli.numbers import bounds
from cxr_edge.models.gates import (
    AUC_LOSS,
    FLIPS,
    FP16_DIFFERENCE,
    FP32_DIFFERENCE,
    GATES,
    SENSITIVITY_LOSS,
    Gate,
)
from cxr_edge.spec.precision import Precision
from cxr_edge.system.ranges import SHARE


def _limit(text: str) -> Any:  # Any: as typer.Option
    return typer.Option(**bounds(SHARE), help=text, rich_help_panel=panels.SAFETY)


@dataclass(frozen=True)
class GateOptions:
    """Options that set the gate of each precision."""

    fp32_difference: Annotated[
        float, _limit("fp32: largest |Δp| of an image; no label may differ.")
    ] = FP32_DIFFERENCE
    fp16_difference: Annotated[float, _limit("fp16: largest |Δp| of an image.")] = FP16_DIFFERENCE
    flips: Annotated[float, _limit("fp16, int8, dynamic: largest share of labels that differ.")] = (
        FLIPS
    )
    auc_loss: Annotated[float, _limit("int8, dynamic: largest loss of AUC.")] = AUC_LOSS
    sensitivity_loss: Annotated[
        float, _limit("int8, dynamic: largest loss of sensitivity at 'screening'.")
    ] = SENSITIVITY_LOSS

    def gates(self) -> Mapping[Precision, Gate]:
        """Return the gate of each precision."""
        quantized = {
            "flips": self.flips,
            "auc_loss": self.auc_loss,
            "sensitivity_loss": self.sensitivity_loss,
        }
        return {
            Precision.FP32: replace(GATES[Precision.FP32], difference=self.fp32_difference),
            Precision.FP16: replace(
                GATES[Precision.FP16], difference=self.fp16_difference, flips=self.flips
            ),
            Precision.INT8: replace(GATES[Precision.INT8], **quantized),
            Precision.DYNAMIC: replace(GATES[Precision.DYNAMIC], **quantized),
        }
