"""The runtimes by name, before any library is loaded."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_edge.extras import install_command

AUTO: Final = "auto"


@dataclass(frozen=True)
class RuntimeKind:
    """One runtime, before its library is loaded."""

    suffix: str
    """Of the files that it runs."""
    module: str
    """The library that must be installed."""
    extra: str = ""
    """Extra that brings the library; empty where the base install does."""

    @property
    def install(self) -> str:
        """The command that installs the library."""
        return install_command(self.extra) if self.extra else f"pip install {self.module}"


RUNTIMES: Final[Mapping[str, RuntimeKind]] = {
    "onnx": RuntimeKind(".onnx", "onnxruntime"),
    "litert": RuntimeKind(".tflite", "ai_edge_litert", "litert"),
    "openvino": RuntimeKind(".onnx", "openvino", "openvino"),
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
