"""The runtimes by name, before any library is loaded."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

AUTO: Final = "auto"


@dataclass(frozen=True)
class RuntimeKind:
    """One runtime, before its library is loaded."""

    suffix: str
    """Of the files that it runs."""
    module: str
    """The library that must be installed."""
    install: str
    """How to install it."""


RUNTIMES: Final[Mapping[str, RuntimeKind]] = {
    "onnx": RuntimeKind(".onnx", "onnxruntime", "pip install onnxruntime"),
    "litert": RuntimeKind(".tflite", "ai_edge_litert", "pip install 'cxr-edge[litert]'"),
    "openvino": RuntimeKind(".onnx", "openvino", "pip install 'cxr-edge[openvino]'"),
}
"""Runtimes by name, in the order of preference; several can run files of one suffix."""


KERAS_OPENER: Final = "cxr_export.keras_models.reference"
"""Module of the export side that opens Keras models and SavedModels, by its ``open_reference``."""


def runtimes_of(file: str | Path) -> list[str]:
    """Return the runtimes that run a file, by its suffix, the preferred one first."""
    suffix = Path(file).suffix.lower()
    return [name for name, kind in RUNTIMES.items() if kind.suffix == suffix]


def installed(name: str) -> bool:
    """Tell whether a runtime's library is there, without loading it."""
    found = importlib.util.find_spec(RUNTIMES[name].module)
    return found is not None and found.origin is not None  # a folder left empty has no origin
