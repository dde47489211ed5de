"""One artefact, read, checked and loaded by its runtime."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cxr_edge.errors import ModelInvalid, RuntimeUnavailable, missing_module
from cxr_edge.models.checksums import check_listed, read_checksums
from cxr_edge.models.git_lfs import refuse_pointer
from cxr_edge.models.model import Model
from cxr_edge.models.package import CHECKSUMS
from cxr_edge.models.registry import RUNTIMES
from cxr_edge.runtimes.base import Runtime
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.storage.atomic import open_regular


@dataclass(frozen=True)
class Candidate:
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
        package = self.package or package_of(self.file, digest)
        runtime = _load(self.runtime, data, str(self.file), self.device, self.threads, self.spec)
        return Model(digest, self.runtime, runtime, self.file.name, package, why)


def package_of(file: Path, digest: str) -> Path | None:
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


def _load(
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
