"""A model's name or path to a model that runs on this machine."""

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cxr_edge.artefact import KERAS_SUFFIXES, SPEC_MEMBER
from cxr_edge.bounded import MAX_JSON, read_at_most
from cxr_edge.errors import ModelInvalid, RuntimeUnavailable, UsageError, missing_module
from cxr_edge.files import open_regular
from cxr_edge.machine import usable_cpus
from cxr_edge.manifest import RunIdentity
from cxr_edge.package import CHECKSUMS, FORMATS, Format, check_listed, read_checksums
from cxr_edge.probe import measure, reason, usable
from cxr_edge.remember import memory_of
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
    "openvino": RuntimeKind(".onnx", "openvino", "pip install 'cxr-edge[openvino]'"),
}
"""Runtimes by name, in the order of preference; several can run files of one suffix."""


@dataclass(frozen=True)
class Model:
    """A model opened on this machine."""

    sha256: str
    """Of the artefact's bytes."""
    runtime_name: str
    """Key of :data:`RUNTIMES`."""
    runtime: Runtime
    """What runs it."""
    artefact: str = ""
    """The file's name."""
    package: Path | None = None
    """The package that lists the file; None for a single file."""
    why: str = "asked for"
    """Why this runtime."""
    device_why: str = "the only device of this runtime"
    """Why this device."""

    @property
    def spec(self) -> ModelSpec:
        """What it expects and means."""
        return self.runtime.spec

    @property
    def tag(self) -> str:
        """Name and first 12 digits of the digest, as in the report's ``model`` column."""
        return f"{self.spec.name}@{self.sha256[:12]}"


@dataclass(frozen=True)
class _Start:
    """An artefact, and how it is to be opened."""

    runtime: str
    file: Path
    package: Path | None
    device: str
    threads: int
    spec: ModelSpec | None

    def open(self, why: str) -> Model:
        """Read, check and load it."""
        data = _read(self.file)
        refuse_pointer(data, str(self.file))
        digest = hashlib.sha256(data).hexdigest()
        if self.package:
            check_listed(self.package, self.file.name, data)
        package = self.package or _package_of(self.file, digest)
        runtime = _start(self.runtime, data, str(self.file), self.device, self.threads, self.spec)
        device_why = getattr(runtime, "device_why", Model.device_why)  # one has several devices
        return Model(digest, self.runtime, runtime, self.file.name, package, why, device_why)


def open_model(
    reference: str = DEFAULT,
    runtime: str = AUTO,
    device: str = AUTO,
    spec_file: Path | None = None,
    spec: ModelSpec | None = None,
    *,
    threads: int | None = None,
    begun: RunIdentity | None = None,
) -> Model:
    """Open a model for scanning.

    Of a package, ``auto`` takes an artefact of the most exact precision in it: one of int8 is
    never chosen where there is one of fp32, since it may decide differently. Where several
    installed runtimes have one, the fastest is taken, by a measurement that is remembered in
    the user's cache folder.

    Parameters
    ----------
    reference
        ``default``, a model package, or an ``.onnx`` or ``.tflite`` file.
    runtime
        ``auto`` or a key of :data:`RUNTIMES`.
    device
        One of :data:`cxr_edge.runtimes.providers.DEVICES`; ``auto`` takes the fastest that works.
    spec_file
        A ``spec.json`` for a model that carries none; replaces one that is inside.
    spec
        The same, already read; ``spec_file`` goes before it.
    threads
        That one call of the model may use; as many as usable CPUs by default.
    begun
        What a report that is to be continued was begun with: ``auto`` takes the same artefact
        and runtime where the package still has it.

    Raises
    ------
    UsageError
        The reference or the spec file does not exist, or does not go with the runtime.
    ModelError
        One subclass for each thing that can be wrong with a model.
    """
    if runtime not in (AUTO, *RUNTIMES):
        raise UsageError(f"--runtime: expected auto, {', '.join(RUNTIMES)}, came {runtime!r}")
    path = model_path(reference)
    if not path.exists():
        raise UsageError(f"--model: expected 'default', a package or a file, {path} does not exist")
    found, why = _choose(path, runtime, device, begun)
    spec = read_spec_file(spec_file) if spec_file else spec
    package = path if path.is_dir() else None
    threads = threads or usable_cpus()
    starts = [_Start(name, file, package, device, threads, spec) for name, file in found]
    return starts[0].open(why) if len(starts) == 1 else _fastest(path, starts)


def runtimes_of(file: str | Path) -> list[str]:
    """Return the runtimes that run a file, by its suffix, the preferred one first."""
    suffix = Path(file).suffix.lower()
    return [name for name, kind in RUNTIMES.items() if kind.suffix == suffix]


def installed(name: str) -> bool:
    """Tell whether a runtime's library is there, without loading it."""
    found = importlib.util.find_spec(RUNTIMES[name].module)
    return found is not None and found.origin is not None  # a folder left empty has no origin


def default_package() -> Path:
    """Return the folder of the embedded default model."""
    return Path(__file__).parent / "models" / DEFAULT


def model_path(reference: str | Path) -> Path:
    """Return the path that a reference means: ``default`` is the embedded model."""
    return default_package() if str(reference) == DEFAULT else Path(reference)


def package_spec(package: Path) -> ModelSpec:
    """Read the spec of a package.

    Raises
    ------
    ModelInvalid
        The folder has none.
    SpecInvalid, SpecUnknown
        It is no usable spec.
    """
    path = package / SPEC_MEMBER
    try:
        return ModelSpec.from_json(read_at_most(path, MAX_JSON))
    except OSError as exc:
        raise ModelInvalid(
            f"{package}: expected a model package with {SPEC_MEMBER}, it cannot be read "
            f"({exc.strerror}); make one with 'cxr export'"
        ) from exc


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
        return ModelSpec.from_json(read_at_most(path, MAX_JSON))
    except OSError as exc:
        raise UsageError(f"--spec: {path} cannot be read: {exc.strerror}") from exc


def _choose(
    path: Path, runtime: str, device: str, begun: RunIdentity | None
) -> tuple[Sequence[tuple[str, Path]], str]:
    """Return runtimes and their files that come into question, and why where it is one."""
    if path.is_dir():
        found, why = _choose_in(path, runtime, device, begun)
        return [(name, path / kind.file) for name, kind in found], why
    names = runtimes_of(path)
    if not names:
        hint = "; export it first: cxr export" if path.suffix in KERAS_SUFFIXES else ""
        raise ModelInvalid(f"{path}: expected an .onnx or .tflite file or a package{hint}")
    if runtime == AUTO:
        name = next(filter(installed, names), names[0])
        return [(name, path)], f"it runs {path.suffix.lower()} files"
    if runtime not in names:
        raise UsageError(
            f"--runtime {runtime} cannot run {path}; use --runtime {' or '.join(names)}"
        )
    return [(runtime, path)], "asked for"


def _choose_in(
    package: Path, runtime: str, device: str, begun: RunIdentity | None
) -> tuple[Sequence[tuple[str, Format]], str]:
    """Return runtimes and artefacts that come into question, and why where it is one."""
    pairs = [
        (name, kind)
        for kind in FORMATS.values()
        for name in runtimes_of(kind.file)
        if runtime in (AUTO, name)
    ]
    have = [(name, kind) for name, kind in pairs if (package / kind.file).is_file()]
    if not have:
        wanted = " or ".join(dict.fromkeys(kind.file for _, kind in pairs))
        raise ModelInvalid(f"{package}: expected {wanted} in it, it has none")
    if runtime != AUTO:
        return have[:1], "asked for"
    if begun is not None:
        listed = read_checksums(package)
        for name, kind in have:
            same = (name, listed.get(kind.file)) == (begun.runtime, begun.model_sha256)
            if same and installed(name):
                return [(name, kind)], "continues the report"
    precision = have[0][1].precision
    have = [(name, kind) for name, kind in have if kind.precision == precision]
    if device not in (AUTO, "cpu"):
        return have[:1], f"the only one with --device {device}"
    ready = [(name, kind) for name, kind in have if installed(name)]
    if not ready:
        return have[:1], "none is installed"
    if len({kind.file for _, kind in have}) == 1:
        return ready, f"the only one with {precision} in the package"
    return ready, "the only one installed"


def _fastest(package: Path, starts: Sequence[_Start]) -> Model:
    """Open the artefact that is the fastest here, measuring where that is not known yet.

    By one thread, however many there are to be, so that they do not decide on the runtime.
    """
    by_name = {start.runtime: start for start in starts}
    memory = memory_of(package)
    files = ", ".join(start.file.name for start in starts)
    question = f"milliseconds a film by one thread, {files}, device {starts[0].device}"
    times = usable(memory.get(question), frozenset(by_name))
    if times is not None:
        name = min(times, key=times.__getitem__)
        return by_name[name].open(reason(times))
    models, broken = {}, []
    for name, start in by_name.items():
        try:
            models[name] = replace(start, threads=1).open("")
        except RuntimeUnavailable as exc:
            broken.append(exc)
    if not models:
        raise broken[0]
    if len(models) == 1:
        return by_name[next(iter(models))].open(f"the only one that can be loaded: {broken[0]}")
    times = measure({name: model.runtime for name, model in models.items()})
    why = "; ".join([reason(times), *map(str, broken)])
    if not broken:  # else the next start tries it again
        memory.put(question, times)
    return by_name[min(times, key=times.__getitem__)].open(why)


def _package_of(file: Path, digest: str) -> Path | None:
    """Return the folder of a file where it is a package that lists the file with this digest."""
    try:
        listed = read_checksums(file.parent)
    except ModelInvalid:
        return None
    if file.name not in listed:
        return None
    if listed[file.name] != digest:
        raise ModelInvalid(
            f"{file}: its bytes are not those listed in {CHECKSUMS} beside it; copy the package "
            "again, or take the file out of it"
        )
    return file.parent


def _read(file: Path) -> bytes:
    try:
        with open_regular(file) as opened:
            return opened.read()
    except OSError as exc:
        raise ModelInvalid(f"{file} cannot be read: {exc.strerror}") from exc


def _start(
    name: str, data: bytes, source: str, device: str, threads: int, spec: ModelSpec | None
) -> Runtime:
    try:
        if name == "onnx":
            from cxr_edge.runtimes.onnx import OnnxRuntime

            return OnnxRuntime(data, source, device, threads, spec)
        if name == "openvino":
            from cxr_edge.runtimes.openvino import OpenVinoRuntime

            return OpenVinoRuntime(data, source, device, threads, spec)
        from cxr_edge.runtimes.litert import LiteRtRuntime

        return LiteRtRuntime(data, source, device, threads, spec)
    except ModuleNotFoundError as exc:
        kind = RUNTIMES[name]
        if missing_module(exc) != kind.module:
            raise
        raise RuntimeUnavailable(
            f"{source} needs {kind.module}, which is not installed: {kind.install}"
        ) from exc
    except ImportError as exc:
        kind = RUNTIMES[name]
        raise RuntimeUnavailable(
            f"{source} needs {kind.module}, which is installed but cannot be loaded here ({exc}); "
            "install it again, or use another --runtime"
        ) from exc
