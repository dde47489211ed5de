"""File names and formats of a model package."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cxr_edge.spec.precision import Precision

ORIGINAL: Final = "model.keras"
"""The Keras model, in a run folder and in a package."""

CHECKSUMS: Final = "SHA256SUMS"
"""The checksum list."""

PARITY: Final = "parity.json"
"""Findings of the last comparison with the Keras model."""

EVALUATION: Final = "evaluation.json"
"""Findings of ``cxr evaluate``, where the package was made with them."""

TRAINING_IMAGES: Final = "training-images.json"
"""Digests of the images that the model was trained and validated on; models of earlier versions
have none."""

SELFTEST: Final = "selftest.zip"
"""Golden images, and the probabilities that they gave at export."""

GOLDEN_IMAGES: Final = "films/"
"""Start of the names of its members that are images."""

CARD: Final = "README.md"
"""The model card."""


@dataclass(frozen=True)
class ArtefactFormat:
    """One way of storing the network for a runtime."""

    name: str
    """Name by which ``cxr export --formats`` asks for it."""
    file: str
    """File name in a package."""
    runtime: str
    """Key of ``RUNTIMES`` for the runtime that parity is measured with; others may run it."""
    precision: Precision
    """Precision in which it computes."""


FORMATS: Final[Mapping[str, ArtefactFormat]] = {
    kind.name: kind
    for kind in (
        ArtefactFormat("onnx", "model.onnx", "onnx", Precision.FP32),
        ArtefactFormat("tflite", "model.tflite", "litert", Precision.FP32),
        ArtefactFormat("tflite-fp16", "model.fp16.tflite", "litert", Precision.FP16),
        ArtefactFormat("onnx-int8", "model.int8.onnx", "onnx", Precision.INT8),
        ArtefactFormat("tflite-int8", "model.int8.tflite", "litert", Precision.INT8),
        ArtefactFormat("tflite-dynamic", "model.dynamic.tflite", "litert", Precision.DYNAMIC),
    )
}
"""Formats by name, the most exact first."""
