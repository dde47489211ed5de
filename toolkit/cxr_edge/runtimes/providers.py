"""Devices that onnxruntime computes on: their providers, options, and packages."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cxr_edge.errors import UsageError
from cxr_edge.system.cpu import side_by_side
from cxr_edge.system.versions import distributions

AUTO: Final = "auto"
CPU: Final = "cpu"
"""Devices that are always there."""

DISTRIBUTIONS: Final = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-directml",
    "onnxruntime-migraphx",
    "onnxruntime-rocm",
    "onnxruntime-qnn",
    "onnxruntime-coreml",
    "onnxruntime-silicon",
    "onnxruntime-cann",
    "onnxruntime-azure",
    "onnxruntime-training",
)
"""Distributions that all write the one module ``onnxruntime``, over each other."""


@dataclass(frozen=True)
class Provider:
    """One way to compute a graph."""

    device: str
    """As in ``--device``."""
    name: str
    """As onnxruntime calls it."""
    package: str
    """The distribution that brings it; empty where none does."""
    remark: str = ""
    """What else it needs."""
    options: Callable[[int], Mapping[str, str]] = lambda threads: {}
    """Of the provider, by threads a call; as documented, and so that it computes in float32."""
    below: tuple[str, ...] = ()
    """Devices that take the operators that it lacks, before the CPU."""
    one_at_a_time: bool = False
    """A session may be called by one thread at a time only."""
    only_asked: str = ""
    """Why ``auto`` leaves it; empty where it does not."""


def _openvino(threads: int) -> Mapping[str, str]:
    calls = side_by_side(threads)
    config = {
        "INFERENCE_PRECISION_HINT": "f32",  # else bf16 or f16, where the CPU is faster at it
        "NUM_STREAMS": str(calls),
        "INFERENCE_NUM_THREADS": str(calls * threads),
    }
    return {"device_type": "CPU", "load_config": json.dumps({"CPU": config})}


def _cuda(_threads: int) -> Mapping[str, str]:
    # Without the rounding of TensorFloat-32, and without a search at each new batch size.
    return {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}


PROVIDERS: Final = (
    Provider(
        "tensorrt",
        "TensorrtExecutionProvider",
        "onnxruntime-gpu",
        "NVIDIA TensorRT must be installed too",
        below=("cuda",),
        only_asked="it compiles the graph for minutes at every start",
    ),
    Provider("cuda", "CUDAExecutionProvider", "onnxruntime-gpu", options=_cuda),
    Provider("rocm", "MIGraphXExecutionProvider", "onnxruntime-migraphx"),
    Provider("rocm", "ROCMExecutionProvider", "onnxruntime-rocm"),
    Provider(
        "directml",
        "DmlExecutionProvider",
        "onnxruntime-directml",
        "on Windows",
        one_at_a_time=True,
    ),
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
"""The fastest first, as ``auto`` tries them; a device can have several."""

DEVICES: Final = (AUTO, CPU, *dict.fromkeys(p.device for p in PROVIDERS if p.device != CPU))
"""What ``--device`` takes."""


def providers_of(device: str) -> tuple[Provider, ...]:
    """Return the providers of a device, or all for ``auto``.

    Raises
    ------
    UsageError
        There is no such device.
    """
    if device not in DEVICES:
        raise UsageError(f"--device: expected {', '.join(DEVICES)}, got {device!r}")
    return tuple(provider for provider in PROVIDERS if device in (AUTO, provider.device))


def how_to_install(provider: Provider) -> str:
    """Say what brings a provider, and what has to go for it."""
    here = [name for name in installed_distributions() if name != provider.package]
    steps = f"pip uninstall -y {' '.join(here)}, then " if here else ""
    package = f"{steps}pip install {provider.package}" if provider.package else ""
    return "; ".join(filter(None, (package, provider.remark)))


def installed_distributions() -> tuple[str, ...]:
    """Return those of :data:`DISTRIBUTIONS` that are installed; more than one is a mistake."""
    found = distributions("onnxruntime")
    return tuple(name for name in DISTRIBUTIONS if name in found)


def explain_several(names: Sequence[str]) -> str:
    """Say what is wrong with several distributions, and how to get out of it."""
    return (
        f"{' and '.join(names)} are installed together and overwrite each other's files: "
        f"pip uninstall -y {' '.join(names)}, then pip install the one that the device needs"
    )
