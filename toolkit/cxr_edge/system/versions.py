"""Versions of installed libraries, found without loading them."""

import importlib.util
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

LIBRARIES: Final[Mapping[str, str]] = {
    "numpy": "numpy",
    "cv2": "opencv",
    "pydicom": "pydicom",
    "imagecodecs": "imagecodecs",
    "simplejpeg": "simplejpeg",
    "onnxruntime": "onnxruntime",
    "ai_edge_litert": "ai-edge-litert",
    "openvino": "openvino",
}
"""Modules that can change a probability or a time, each with how the names of the distributions
that bring it start."""


def version_of(distribution: str) -> str:
    """Return the version of a distribution, empty where it is not installed."""
    return distributions().get(distribution, "")


def library_versions() -> dict[str, str]:
    """Return what is installed of each of :data:`LIBRARIES`.

    Returns
    -------
    dict
        Module to distribution and version, as ``onnxruntime-gpu 1.32.0``; several joined by commas,
        since plugins and rival builds count too. Empty where the module is not installed; time and
        size of its first file where no distribution tells of it.
    """
    return {module: _described(module, stem) for module, stem in LIBRARIES.items()}


def distributions(stem: str = "") -> dict[str, str]:
    """Return installed distributions by name, each with its version.

    Read from the names of metadata folders, as ``onnxruntime_gpu-1.32.0.dist-info``: to import
    ``importlib.metadata`` takes longer than all else at every start.

    Parameters
    ----------
    stem
        Only the distribution of this name, and those whose names go on with a hyphen.
    """
    return {
        name: version
        for name, version in _installed(tuple(sys.path)).items()
        if not stem or name == stem or name.startswith(f"{stem}-")
    }


@cache
def _installed(places: tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for place in places:
        for suffix in (".dist-info", ".egg-info"):
            for path in sorted(Path(place).glob(f"*{suffix}")):
                name, _, version = path.name.removesuffix(suffix).partition("-")
                found.setdefault(name.replace("_", "-").lower(), version)
    return found


def _described(module: str, stem: str) -> str:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:  # a folder left empty has no origin
        return ""
    names = ", ".join(f"{name} {version}" for name, version in distributions(stem).items())
    facts = Path(spec.origin).stat()
    return names or f"{facts.st_mtime_ns}, {facts.st_size} bytes"
