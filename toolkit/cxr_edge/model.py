"""A model's name or path to a model that runs on this machine."""

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_edge.errors import ModelInvalid, RuntimeUnavailable, UsageError, missing_module
from cxr_edge.machine import usable_cpus
from cxr_edge.package import FORMATS, check_listed
from cxr_edge.runtimes import Runtime
from cxr_edge.runtimes.lfs import refuse_pointer
from cxr_edge.spec import ModelSpec

DEFAULT: Final = "default"
"""Name of the model that is installed with the package."""

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
}
"""Runtimes by name, in the order of preference."""


@dataclass(frozen=True)
class Model:
    """A model opened on this machine."""

    sha256: str
    """Of the artefact's bytes."""
    runtime_name: str
    """Key of :data:`RUNTIMES`."""
    runtime: Runtime
    """What runs it."""

    @property
    def spec(self) -> ModelSpec:
        """What it expects and means."""
        return self.runtime.spec

    @property
    def tag(self) -> str:
        """Name and first 12 digits of the digest, as in the report's ``model`` column."""
        return f"{self.spec.name}@{self.sha256[:12]}"


def open_model(
    reference: str = DEFAULT,
    runtime: str = AUTO,
    device: str = AUTO,
    spec_file: Path | None = None,
    spec: ModelSpec | None = None,
) -> Model:
    """Open a model for scanning.

    Parameters
    ----------
    reference
        ``default``, a model package, or an ``.onnx`` or ``.tflite`` file.
    runtime
        ``auto`` or a key of :data:`RUNTIMES`.
    device
        ``auto``, ``cpu`` or ``cuda``.
    spec_file
        A ``spec.json`` for a model that carries none; replaces one that is inside.
    spec
        The same, already read; ``spec_file`` goes before it.

    Raises
    ------
    UsageError
        The reference or the spec file does not exist, or does not go with the runtime.
    ModelError
        One subclass for each thing that can be wrong with a model.
    """
    if runtime not in (AUTO, *RUNTIMES):
        raise UsageError(f"--runtime: expected auto, {', '.join(RUNTIMES)}, came {runtime!r}")
    path = default_package() if reference == DEFAULT else Path(reference)
    name, file = _choose(path, runtime)
    spec = read_spec_file(spec_file) if spec_file else spec
    data = _read(file)
    refuse_pointer(data, str(file))
    digest = hashlib.sha256(data).hexdigest()
    if path.is_dir():
        check_listed(path, file.name, data)
    return Model(digest, name, _start(name, data, str(file), device, spec))


def default_package() -> Path:
    """Return the folder of the embedded default model."""
    return Path(__file__).parent / "models" / DEFAULT


def read_spec_file(path: Path) -> ModelSpec:
    """Read a ``spec.json``.

    Raises
    ------
    UsageError
        It cannot be read.
    SpecInvalid, SpecUnknown
        It is no usable spec.
    """
    try:
        return ModelSpec.from_json(path.read_bytes())
    except OSError as exc:
        raise UsageError(f"--spec: {path} cannot be read: {exc.strerror}") from exc


def _choose(path: Path, runtime: str) -> tuple[str, Path]:
    """Return the runtime's name and the file that it is to run."""
    if not path.exists():
        raise UsageError(f"--model: expected 'default', a package or a file, {path} does not exist")
    if path.is_dir():
        have = [kind for kind in FORMATS.values() if (path / kind.file).is_file()]
        if runtime != AUTO:
            have = [kind for kind in have if kind.runtime == runtime]
        if not have:
            wanted = " or ".join(
                kind.file for kind in FORMATS.values() if runtime in (AUTO, kind.runtime)
            )
            raise ModelInvalid(f"{path}: expected {wanted} in it, it has none")
        ready = [kind for kind in have if importlib.util.find_spec(RUNTIMES[kind.runtime].module)]
        chosen = (ready or have)[0]
        return chosen.runtime, path / chosen.file
    for name, kind in RUNTIMES.items():
        if path.suffix.lower() == kind.suffix:
            if runtime not in (AUTO, name):
                raise UsageError(f"--runtime {runtime} cannot run {path}; use --runtime {name}")
            return name, path
    hint = "; export it first: cxr export" if path.suffix in (".keras", ".h5") else ""
    raise ModelInvalid(f"{path}: expected an .onnx or .tflite file or a package{hint}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        raise ModelInvalid(f"{file} cannot be read: {exc.strerror}") from exc


def _start(name: str, data: bytes, source: str, device: str, spec: ModelSpec | None) -> Runtime:
    try:
        if name == "onnx":
            from cxr_edge.runtimes.onnx import OnnxRuntime

            return OnnxRuntime(data, source, device, usable_cpus(), spec)
        from cxr_edge.runtimes.litert import LiteRtRuntime

        return LiteRtRuntime(data, source, device, usable_cpus(), spec)
    except ModuleNotFoundError as exc:
        kind = RUNTIMES[name]
        if missing_module(exc) != kind.module:
            raise
        raise RuntimeUnavailable(
            f"{source} needs {kind.module}, which is not installed: {kind.install}"
        ) from exc
