"""Runtimes by name, known before any library is loaded."""

import importlib
import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_edge.runtimes.base import Runtime
from cxr_edge.spec.embedding import KERAS_SUFFIXES, SAVED_MODEL


@dataclass(frozen=True)
class RuntimeKind:
    """One runtime, before its library is loaded."""

    factory: str
    """Class or function that opens a model, as ``module:name``."""
    module: str
    """Module of the library that must be installed."""
    suffixes: tuple[str, ...]
    """Suffixes of the files that it runs; for a folder, the file inside that tells its kind."""
    extra: str = ""
    """Extra that brings the library; empty where the base install does."""

    @property
    def install(self) -> str:
        """Command that installs the library."""
        from cxr_edge.extras import install_command

        return install_command(self.extra) if self.extra else f"pip install {self.module}"

    def load(self) -> Callable[..., Runtime]:
        """Import the library and return what opens a model.

        Raises
        ------
        ImportError
            The library is not installed, or cannot be loaded.
        """
        module, _, name = self.factory.partition(":")
        found: Callable[..., Runtime] = getattr(importlib.import_module(module), name)
        return found


RUNTIMES: Final[Mapping[str, RuntimeKind]] = {
    "onnx": RuntimeKind("cxr_edge.runtimes.onnx:OnnxRuntime", "onnxruntime", (".onnx",)),
    "litert": RuntimeKind(
        "cxr_edge.runtimes.litert:LiteRtRuntime", "ai_edge_litert", (".tflite",), "litert"
    ),
    "openvino": RuntimeKind(
        "cxr_edge.runtimes.openvino:OpenVinoRuntime", "openvino", (".onnx",), "openvino"
    ),
}
"""Runtimes of artefacts by name, in the order of preference; several can run files of one suffix.

Each factory takes the file's bytes, its name and :class:`cxr_edge.runtimes.base.OpenOptions`.
"""

ORIGINALS: Final[Mapping[str, RuntimeKind]] = {
    "keras": RuntimeKind(
        "cxr_export.keras_models.reference:open_reference", "keras", KERAS_SUFFIXES, "train"
    ),
    "tensorflow": RuntimeKind(
        "cxr_export.keras_models.reference:open_reference", "tensorflow", (SAVED_MODEL,), "train"
    ),
}
"""Runtimes of the models that artefacts are made from, which no scan loads.

Each factory takes the path and a spec, or None for the one inside.
"""


def runtimes_of(file: str | Path) -> list[str]:
    """Return the runtimes that run a file, by its suffix, the preferred one first."""
    suffix = Path(file).suffix.lower()
    return [name for name, kind in RUNTIMES.items() if suffix in kind.suffixes]


def original_of(path: Path) -> str:
    """Return the key of :data:`ORIGINALS` for a path, empty where it is something else."""
    if os.path.isfile(path / SAVED_MODEL):  # noqa: PTH113  (Path raises for a long name)
        return "tensorflow"
    return "keras" if path.suffix.lower() in ORIGINALS["keras"].suffixes else ""


def installed(name: str) -> bool:
    """Tell whether a runtime's library is there, without loading it."""
    found = importlib.util.find_spec(RUNTIMES[name].module)
    return found is not None and found.origin is not None  # a folder left empty has no origin
