"""Execution providers of onnxruntime: devices, options and packages."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cxr_edge.errors import UsageError
from cxr_edge.system.cpu import side_by_side
from cxr_edge.system.versions import distributions

AUTO: Final = "auto"
"""Name of the choice among the runtimes that are installed, or the devices that work."""

CPU: Final = "cpu"
"""Device that is always there."""

DISTRIBUTIONS: Final = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-migraphx",
    "onnxruntime-rocm",
    "onnxruntime-qnn",
    "onnxruntime-coreml",
    "onnxruntime-silicon",
    "onnxruntime-cann",
    "onnxruntime-azure",
    "onnxruntime-training",
)
"""Distributions of the one module ``onnxruntime``, which overwrite each other."""


@dataclass(frozen=True)
class Provider:
    """One execution provider of onnxruntime."""

    device: str
    """Value of ``--device``; several providers can share one."""
    name: str
    """Name that onnxruntime gives it."""
    package: str
    """Distribution that brings it; empty where none does."""
    remark: str = ""
    """Requirement beside the distribution."""
    options: Callable[[int], Mapping[str, str]] = lambda threads: {}
    """Provider options by threads per call, so that it computes in float32."""
    below: tuple[str, ...] = ()
    """Devices that take the operators that it lacks, before the CPU does."""
    only_asked: str = ""
    """Reason why ``auto`` skips it; empty where it does not."""


def openvino_config(threads: int) -> Mapping[str, str]:
    """Return OpenVINO's settings for a CPU, so that it computes in float32.

    Parameters
    ----------
    threads
        Threads per call; as many calls run side by side as the CPUs have room for.
    """
    calls = side_by_side(threads)
    return {
        "INFERENCE_PRECISION_HINT": "f32",  # else bf16 or f16, where the CPU is faster at it
        "NUM_STREAMS": str(calls),
        "INFERENCE_NUM_THREADS": str(calls * threads),
    }


def _openvino(threads: int) -> Mapping[str, str]:
    config = {"CPU": openvino_config(threads)}
    return {"device_type": "CPU", "load_config": json.dumps(config)}


def _cuda(_threads: int) -> Mapping[str, str]:
    # Without the rounding of TensorFloat-32, and without a search at each new batch size.
    return {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}


PROVIDERS: Final = (
    Provider(
        "tensorrt",
        "TensorrtExecutionProvider",
        "onnxruntime-gpu",
        "install NVIDIA TensorRT too",
        below=("cuda",),
        only_asked="it compiles the graph for minutes at every start",
    ),
    Provider("cuda", "CUDAExecutionProvider", "onnxruntime-gpu", options=_cuda),
    Provider("rocm", "MIGraphXExecutionProvider", "onnxruntime-migraphx"),
    Provider("rocm", "ROCMExecutionProvider", "onnxruntime-rocm"),
    Provider(
        "coreml",
        "CoreMLExecutionProvider",
        "onnxruntime",
        "on macOS",
        # The neural engine computes in float16 only.
        lambda threads: {"ModelFormat": "MLProgram", "MLComputeUnits": "CPUAndGPU"},
        only_asked="it can abort the process on a graph that takes any number of images",
    ),
    Provider("openvino", "OpenVINOExecutionProvider", "onnxruntime-openvino", options=_openvino),
    Provider(
        "xnnpack",
        "XnnpackExecutionProvider",
        "",
        "build onnxruntime with --use_xnnpack; --runtime litert computes with XNNPACK as it is",
        lambda threads: {"intra_op_num_threads": str(threads)},
    ),
    Provider(CPU, "CPUExecutionProvider", "onnxruntime"),
)
"""Providers in the order in which ``auto`` tries them, the fastest first."""

DEVICES: Final = (AUTO, CPU, *dict.fromkeys(p.device for p in PROVIDERS if p.device != CPU))
"""Values of ``--device``."""


def providers_of(device: str) -> tuple[Provider, ...]:
    """Return the providers of a device, or all for ``auto``.

    Raises
    ------
    UsageError
        The device is unknown.
    """
    if device not in DEVICES:
        raise UsageError(f"--device: expected {', '.join(DEVICES)}, got {device!r}")
    return tuple(provider for provider in PROVIDERS if device in (AUTO, provider.device))


def how_to_install(provider: Provider) -> str:
    """Return the commands that install a provider, and remove what stands in its way."""
    here = [name for name in installed_distributions() if name != provider.package]
    steps = f"pip uninstall -y {' '.join(here)}, then " if here else ""
    package = f"{steps}pip install {provider.package}" if provider.package else ""
    return "; ".join(filter(None, (package, provider.remark)))


def installed_distributions() -> tuple[str, ...]:
    """Return those of :data:`DISTRIBUTIONS` that are installed; more than one is a mistake."""
    found = distributions("onnxruntime")
    return tuple(name for name in DISTRIBUTIONS if name in found)


def explain_several(names: Sequence[str]) -> str:
    """Return what is wrong with several distributions, and the commands that mend it."""
    return (
        f"{' and '.join(names)} are installed together and overwrite each other's files: "
        f"pip uninstall -y {' '.join(names)}, then pip install the one that the device needs"
    )
