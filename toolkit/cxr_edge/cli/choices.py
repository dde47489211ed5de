"""Choices that several commands offer, as typer shows, checks and completes them."""

from typing import Literal

RuntimeName = Literal["auto", "onnx", "litert", "openvino"]
"""``auto``, or a key of :data:`cxr_edge.models.registry.RUNTIMES`."""

DeviceName = Literal["auto", "cpu", "tensorrt", "cuda", "rocm", "openvino", "coreml", "xnnpack"]
"""Device of :data:`cxr_edge.runtimes.providers.DEVICES`."""
