"""The options that say what an artefact must keep, the same for ``cxr export`` and ``verify``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import typer

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

Fp32Difference = Annotated[
    float, typer.Option(min=0, help="fp32: largest |Δp| of an image; no label may differ.")
]
Fp16Difference = Annotated[float, typer.Option(min=0, help="fp16: largest |Δp| of an image.")]
Flips = Annotated[
    float, typer.Option(min=0, max=1, help="Fewer bits: largest share of labels that differ.")
]
AucLoss = Annotated[float, typer.Option(min=0, help="int8, dynamic: largest fall of the AUC.")]
SensitivityLoss = Annotated[
    float, typer.Option(min=0, help="int8, dynamic: largest fall of sensitivity at screening.")
]


def gates(
    fp32_difference: float = FP32_DIFFERENCE,
    fp16_difference: float = FP16_DIFFERENCE,
    flips: float = FLIPS,
    auc_loss: float = AUC_LOSS,
    sensitivity_loss: float = SENSITIVITY_LOSS,
) -> Mapping[Precision, Gate]:
    """Return the gate of each precision."""
    few = {"flips": flips, "auc_loss": auc_loss, "sensitivity_loss": sensitivity_loss}
    return {
        Precision.FP32: replace(GATES[Precision.FP32], difference=fp32_difference),
        Precision.FP16: replace(GATES[Precision.FP16], difference=fp16_difference, flips=flips),
        Precision.INT8: replace(GATES[Precision.INT8], **few),
        Precision.DYNAMIC: replace(GATES[Precision.DYNAMIC], **few),
    }
