"""Precisions in which an artefact computes."""

from enum import StrEnum


class Precision(StrEnum):
    """Precision of an artefact, the most exact first."""

    FP32 = "fp32"
    """float32 weights and activations: computes as Keras does."""
    FP16 = "fp16"
    """float16 weights."""
    INT8 = "int8"
    """8-bit weights and activations."""
    DYNAMIC = "dynamic"
    """8-bit weights; activations are quantized while it runs."""
