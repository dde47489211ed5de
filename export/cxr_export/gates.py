"""What an artefact must keep to pass: one gate for each precision."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cxr_edge.errors import UsageError

FULL: Final = "fp32"
"""Precision of the artefacts that compute as Keras does."""


@dataclass(frozen=True)
class Gate:
    """Limits on how an artefact may differ from its reference; None where there is no limit."""

    difference: float | None
    """Largest |Δp| of a film."""
    flips: float
    """Largest share of films whose label differs, at any operating point."""
    auc_loss: float | None = None
    """Largest fall of the area under the ROC curve."""
    sensitivity_loss: float | None = None
    """Largest fall of the sensitivity at ``screening``, or at the default operating point where
    there is no ``screening``."""

    def __post_init__(self) -> None:
        for name, limit in vars(self).items():
            if limit is not None and not (math.isfinite(limit) and limit >= 0):
                raise UsageError(f"gate: expected {name} to be 0 or more, came {limit}")


_FEW_BITS: Final = Gate(None, flips=0.005, auc_loss=0.002, sensitivity_loss=0.005)

GATES: Final[Mapping[str, Gate]] = {
    FULL: Gate(1e-4, flips=0.0),
    "fp16": Gate(5e-3, flips=0.005),
    "int8": _FEW_BITS,
    "dynamic": _FEW_BITS,
}
"""By precision, unless asked for otherwise."""
