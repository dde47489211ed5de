"""Facts about this machine, and whether a scan works on it."""

import platform
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from cxr_edge import __version__
from cxr_edge.doctor.runtime_trial import Trial, caught, onnx_providers
from cxr_edge.errors import CxrError, ModelInvalid
from cxr_edge.extras import EXTRAS
from cxr_edge.isolation.subprocess_call import call_in_subprocess
from cxr_edge.models.checksums import missing_artefacts
from cxr_edge.models.locate import default_package
from cxr_edge.models.machine_cache import cache_folder
from cxr_edge.models.registry import RUNTIMES, installed
from cxr_edge.runtimes.providers import explain_several, installed_distributions
from cxr_edge.system.cpu import CpuInfo, all_cpus, bound_cpus, cpu_quota, usable_cpus
from cxr_edge.system.memory import available_memory, total_memory
from cxr_edge.system.progress import stage
from cxr_edge.system.versions import library_versions, version_of

DICOM_PACKAGES: Final = ("pydicom", "imagecodecs")
"""Distributions that read and decode DICOM."""

TRIAL_SECONDS: Final = 60.0
"""Limit of the trial of a runtime: a library or a device can hang."""


@dataclass(frozen=True)
class RuntimeFacts:
    """Facts about one runtime; what does not apply is empty."""

    version: str
    """Installed distribution and its version."""
    install: str
    """Command that installs it."""
    model: str = ""
    """Default model as in the report: name and digest."""
    provider: str = ""
    """Execution provider or device that the runtime chose."""
    self_test: str = ""
    """Verdict of the default model's self-test, as in the run manifest."""
    error: str = ""
    """Reason why no scan works by it."""

    @property
    def works(self) -> bool:
        """Whether it ran the default model and the self-test did not fail."""
        return bool(self.model)


@dataclass(frozen=True)
class MachineFacts:
    """Facts about a machine; numbers are 0 and texts empty if the system does not tell."""

    cxr_edge: str
    """Version of cxr-edge."""
    python: str
    """Version of Python."""
    system: str
    """Operating system."""
    architecture: str
    """Architecture of the CPU."""
    cpu: str
    """Model of the CPU."""
    cpu_features: Mapping[str, bool]
    """Instructions that speed a network up, and whether the CPU has them."""
    cpus: int
    """Number of CPUs."""
    bound_cpus: int
    """Number of CPUs that the process is bound to."""
    cpu_quota: float | None
    """CPUs that the process may use the time of; None for all."""
    usable_cpus: int
    """Number of CPUs that follows from these."""
    memory: int
    """Memory in bytes."""
    available_memory: int
    """Memory in bytes that is available without swapping."""
    missing_artefacts: tuple[str, ...]
    """Artefacts of the default model that are not installed, though its package lists them."""
    runtimes: Mapping[str, RuntimeFacts]
    """Runtimes by name."""
    execution_providers: tuple[str, ...]
    """Execution providers of onnxruntime."""
    conflict: str
    """Advice if several onnxruntime distributions are installed at once."""
    numpy: str
    """Installed distribution of NumPy and its version."""
    opencv: str
    """Installed distribution of OpenCV and its version."""
    jpeg: str
    """Installed distribution that decodes JPEG, and its version."""
    dicom_packages: Mapping[str, str]
    """Version of each distribution that decodes DICOM; empty if it is not installed."""
    transfer_syntaxes: tuple[str, ...]
    """Keywords of the transfer syntaxes that are decoded."""
    extras: Mapping[str, tuple[str, ...]]
    """Modules that each extra lacks; none if it is installed."""
    cache: str
    """Folder of what is remembered."""
    cache_error: str
    """Reason why the cache cannot be written."""

    @property
    def works(self) -> bool:
        """Whether some runtime can scan with the default model."""
        return any(runtime.works for runtime in self.runtimes.values())


def examine_machine(try_runtime: Callable[[str], Trial]) -> MachineFacts:
    """Examine this machine; each runtime is tried in a process of its own, which may crash.

    Parameters
    ----------
    try_runtime
        Function of a module that opens the default model by the runtime of a name, and runs its
        self-test; raises a CxrError if that fails.
    """
    from cxr_edge.imaging.dicom.header import DECODED

    cpu = CpuInfo.read()
    versions = library_versions()
    together = installed_distributions()
    return MachineFacts(
        cxr_edge=__version__,
        python=platform.python_version(),
        system=platform.platform(),
        architecture=platform.machine(),
        cpu=cpu.name,
        cpu_features=cpu.features,
        cpus=all_cpus(),
        bound_cpus=bound_cpus(),
        cpu_quota=cpu_quota(),
        usable_cpus=usable_cpus(),
        memory=total_memory(),
        available_memory=available_memory(),
        missing_artefacts=_missing_artefacts(),
        runtimes={name: _runtime(name, versions, try_runtime) for name in RUNTIMES},
        execution_providers=_providers(),
        conflict=explain_several(together) if len(together) > 1 else "",
        numpy=versions["numpy"],
        opencv=versions["cv2"],
        jpeg=versions["simplejpeg"],
        dicom_packages={name: version_of(name) for name in DICOM_PACKAGES},
        transfer_syntaxes=DECODED,
        extras={
            extra: tuple(name for name in modules if find_spec(name) is None)
            for extra, modules in EXTRAS.items()
        },
        cache=str(cache_folder()),
        cache_error=_cache_error(),
    )


def _runtime(
    name: str, versions: Mapping[str, str], try_runtime: Callable[[str], Trial]
) -> RuntimeFacts:
    kind = RUNTIMES[name]
    if not installed(name):
        return RuntimeFacts("", kind.install, error="not installed")
    found = versions.get(kind.module, "")
    try:
        with stage(f"trying {name}"):
            trial = call_in_subprocess(caught, try_runtime, name, within=TRIAL_SECONDS)
    except CxrError as exc:
        return RuntimeFacts(found, kind.install, error=str(exc))
    return RuntimeFacts(found, kind.install, trial.model, trial.provider, trial.self_test)


def _missing_artefacts() -> tuple[str, ...]:
    try:
        return tuple(missing_artefacts(default_package()))
    except ModelInvalid:  # the trials of the runtimes say why
        return ()


def _providers() -> tuple[str, ...]:
    if not installed("onnx"):
        return ()
    try:
        return call_in_subprocess(caught, onnx_providers, within=TRIAL_SECONDS)
    except CxrError:  # the trial of the runtime says why
        return ()


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
