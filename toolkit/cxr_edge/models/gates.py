"""Gates: limits on how an artefact may differ from its reference, by precision."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from cxr_edge.spec.precision import Precision
from cxr_edge.system.ranges import SHARE

FP32_DIFFERENCE: Final = 1e-4
"""Largest |Δp| of one image in fp32 by default."""

FP16_DIFFERENCE: Final = 5e-3
"""Largest |Δp| of one image in fp16 by default."""

FLIPS: Final = 0.005
"""Largest share of labels that differ with fewer bits by default."""

AUC_LOSS: Final = 0.002
"""Largest fall of the AUC in int8 and dynamic by default."""

SENSITIVITY_LOSS: Final = 0.005
"""Largest fall of the sensitivity in int8 and dynamic by default."""

MAP_CORRELATIONS: Final[Mapping[Precision, float]] = {
    Precision.FP32: 0.9999,
    Precision.FP16: 0.999,
    Precision.INT8: 0.95,
    Precision.DYNAMIC: 0.95,
}
"""Least correlation of heat maps by default."""

FEATURE_CORRELATIONS: Final[Mapping[Precision, float]] = {
    Precision.FP32: 0.9999,
    Precision.FP16: 0.999,
    Precision.INT8: 0.985,
    Precision.DYNAMIC: 0.985,
}
"""Least correlation of feature vectors by default."""


@dataclass(frozen=True)
class Gate:
    """Limits on how an artefact may differ from its reference; None where there is no limit."""

    difference: float | None
    """Largest |Δp| of an image."""
    flips: float
    """Largest share of images whose label differs, at any operating point."""
    auc_loss: float | None = None
    """Largest fall of the area under the ROC curve."""
    sensitivity_loss: float | None = None
    """Largest fall of the sensitivity at ``screening``, or at the default operating point where
    there is no ``screening``."""
    map_correlation: float | None = None
    """Least correlation of the heat maps, over all places of all images, once each map has lost its
    mean, which is the logit."""
    feature_correlation: float | None = None
    """Least correlation of the feature vectors, over all features of all images."""

    def __post_init__(self) -> None:
        for name, limit in vars(self).items():
            if limit is not None:
                SHARE.require(f"gate {name}", limit)


_FEW_BITS: Final = Gate(None, flips=FLIPS, auc_loss=AUC_LOSS, sensitivity_loss=SENSITIVITY_LOSS)

GATES: Final[Mapping[Precision, Gate]] = {
    precision: replace(
        gate,
        map_correlation=MAP_CORRELATIONS[precision],
        feature_correlation=FEATURE_CORRELATIONS[precision],
    )
    for precision, gate in {
        Precision.FP32: Gate(FP32_DIFFERENCE, flips=0.0),
        Precision.FP16: Gate(FP16_DIFFERENCE, flips=FLIPS),
        Precision.INT8: _FEW_BITS,
        Precision.DYNAMIC: _FEW_BITS,
    }.items()
}
"""Default gate of each precision."""
