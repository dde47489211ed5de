"""What this machine is and has, and whether a scan works on it."""

import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Final

from cxr_edge import __version__
from cxr_edge.doctor.runtime_trial import providers, try_runtime
from cxr_edge.errors import CxrError
from cxr_edge.extras import EXTRAS
from cxr_edge.isolation.subprocess_call import call_in_subprocess
from cxr_edge.models.machine_cache import cache_folder, library_versions
from cxr_edge.models.registry import RUNTIMES, installed
from cxr_edge.runtimes.providers import explain_several, installed_distributions
from cxr_edge.system.cpu import all_cpus, bound_cpus, cpu_features, cpu_name, cpu_quota, usable_cpus
from cxr_edge.system.memory import available_memory, total_memory

DICOM_PACKAGES: Final = ("pydicom", "pylibjpeg", "pylibjpeg-openjpeg", "pylibjpeg-libjpeg")
"""Distributions that decode DICOM."""

TRIAL: Final = 60.0
"""Seconds that the trial of a runtime may take: a library or a device can hang."""


@dataclass(frozen=True)
class RuntimeFacts:
    """One runtime; what does not apply is empty."""

    version: str
    """Installed distribution and its version."""
    install: str
    """How to install it."""
    model: str
    """The default model as it runs it, as in the report."""
    provider: str
    """That the runtime chose."""
    self_test: str
    """Of the default model, as in the run manifest."""
    error: str
    """Why no scan works by it."""

    @property
    def works(self) -> bool:
        """It ran the default model, and the self-test did not fail."""
        return bool(self.model)


@dataclass(frozen=True)
class MachineFacts:
    """All of it; numbers are 0 and texts empty where the system does not tell."""

    cxr_edge: str
    """Version."""
    python: str
    """Version."""
    system: str
    """Operating system."""
    architecture: str
    """Of the CPU."""
    cpu: str
    """Its model."""
    cpu_features: Mapping[str, bool]
    """What speeds a network up."""
    cpus: int
    """In all."""
    bound_cpus: int
    """That the process is bound to."""
    cpu_quota: float | None
    """That it may use the time of; None for all."""
    usable_cpus: int
    """What follows from these."""
    memory: int
    """Bytes in all."""
    available_memory: int
    """Bytes that are to be had without swapping."""
    runtimes: Mapping[str, RuntimeFacts]
    """By name."""
    execution_providers: tuple[str, ...]
    """Of onnxruntime."""
    conflict: str
    """What is wrong with several onnxruntime distributions at once."""
    numpy: str
    """Installed distribution and its version."""
    opencv: str
    """Likewise."""
    jpeg: str
    """The JPEG library in OpenCV, by its own account."""
    dicom_packages: Mapping[str, str]
    """Version of each distribution that decodes DICOM; empty where it is not installed."""
    transfer_syntaxes: Mapping[str, str]
    """As :func:`cxr_edge.imaging.dicom.header.syntaxes`."""
    extras: Mapping[str, tuple[str, ...]]
    """Modules that each extra lacks; none where it is installed."""
    cache: str
    """Folder of what is remembered."""
    cache_error: str
    """Why it cannot be written."""

    @property
    def works(self) -> bool:
        """A scan with the default model works by some runtime."""
        return any(runtime.works for runtime in self.runtimes.values())


def examine_machine() -> MachineFacts:
    """Find all of it out; each runtime is tried in a process of its own, which may die of it."""
    from cxr_edge.imaging.dicom.header import syntaxes

    versions = {name: _readable(found) for name, found in library_versions().items()}
    together = installed_distributions()
    return MachineFacts(
        cxr_edge=__version__,
        python=platform.python_version(),
        system=platform.platform(),
        architecture=platform.machine(),
        cpu=cpu_name(),
        cpu_features=cpu_features(),
        cpus=all_cpus(),
        bound_cpus=bound_cpus(),
        cpu_quota=cpu_quota(),
        usable_cpus=usable_cpus(),
        memory=total_memory(),
        available_memory=available_memory(),
        runtimes={name: _runtime(name, versions) for name in RUNTIMES},
        execution_providers=_providers(),
        conflict=explain_several(together) if len(together) > 1 else "",
        numpy=versions["numpy"],
        opencv=versions["cv2"],
        jpeg=_jpeg_library(),
        dicom_packages={name: _version(name) for name in DICOM_PACKAGES},
        transfer_syntaxes=syntaxes(),
        extras={
            extra: tuple(name for name in modules if find_spec(name) is None)
            for extra, modules in EXTRAS.items()
        },
        cache=str(cache_folder()),
        cache_error=_cache_error(),
    )


def _runtime(name: str, versions: Mapping[str, str]) -> RuntimeFacts:
    kind = RUNTIMES[name]
    if not installed(name):
        return RuntimeFacts("", kind.install, "", "", "", "not installed")
    found = versions[kind.module]
    try:
        trial = call_in_subprocess(try_runtime, name, within=TRIAL)
    except CxrError as exc:
        return RuntimeFacts(found, kind.install, "", "", "", str(exc))
    return RuntimeFacts(found, kind.install, trial.model, trial.provider, trial.self_test, "")


def _providers() -> tuple[str, ...]:
    if not installed("onnx"):
        return ()
    try:
        return call_in_subprocess(providers, within=TRIAL)
    except CxrError:  # the trial of the runtime says why
        return ()


def _readable(metadata: str) -> str:
    """Return ``onnxruntime_gpu-1.32.0.dist-info`` as ``onnxruntime-gpu 1.32.0``; several alike."""
    names = [part.rpartition(".")[0].rpartition("-") for part in metadata.split(", ")]
    if not all(name and number for name, _, number in names):
        return "" if metadata == "none" else metadata
    return ", ".join(f"{name.replace('_', '-')} {number}" for name, _, number in names)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _jpeg_library() -> str:
    import cv2

    lines = cv2.getBuildInformation().splitlines()
    found = [line.partition("JPEG:")[2] for line in lines if line.strip().startswith("JPEG:")]
    return " ".join(found[0].split()) if found else ""


def _cache_error() -> str:
    folder = cache_folder()
    if not folder.is_absolute():
        return "no home folder is known"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as exc:
        return exc.strerror or type(exc).__name__
