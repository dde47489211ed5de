"""What a model package holds: the names of its files, and their checksums."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ORIGINAL: Final = "model.keras"
"""The Keras model, in a run folder and in a package."""

CHECKSUMS: Final = "SHA256SUMS"
"""The checksum list."""

PARITY: Final = "parity.json"
"""What the last comparison with the Keras model found."""

EVALUATION: Final = "evaluation.json"
"""What ``cxr evaluate`` found, where the package was made with it."""

SELFTEST: Final = "selftest.zip"
"""Golden images, and what they gave where the package was made."""

CARD: Final = "README.md"
"""The model card."""


@dataclass(frozen=True)
class Format:
    """One way of storing the network for a runtime."""

    name: str
    """By which ``cxr export --formats`` asks for it."""
    file: str
    """In a package."""
    runtime: str
    """Runtime that judges it, a key of ``RUNTIMES``; others may run it."""
    precision: str
    """``fp32``; ``fp16`` (weights); ``int8`` (weights and activations); ``dynamic`` (int8 weights,
    activations quantized while it runs)."""


FORMATS: Final[Mapping[str, Format]] = {
    kind.name: kind
    for kind in (
        Format("onnx", "model.onnx", "onnx", "fp32"),
        Format("tflite", "model.tflite", "litert", "fp32"),
        Format("tflite-fp16", "model.fp16.tflite", "litert", "fp16"),
        Format("onnx-int8", "model.int8.onnx", "onnx", "int8"),
        Format("tflite-int8", "model.int8.tflite", "litert", "int8"),
        Format("tflite-dynamic", "model.dynamic.tflite", "litert", "dynamic"),
    )
}
"""Formats by name, the most exact first."""
