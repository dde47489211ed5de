"""Devices of onnxruntime: tried, told, and never fallen back from."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import onnxruntime as ort
import pytest
from fakes import SAMPLES

from cxr_edge.errors import ModelInvalid, RuntimeUnavailable
from cxr_edge.models.locate import default_package
from cxr_edge.models.open import open_artefact
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.runtimes.base import OpenOptions
from cxr_edge.runtimes.onnx import OnnxRuntime
from cxr_edge.runtimes.providers import DEVICES, PROVIDERS, providers_of

IMAGE = SAMPLES / "phantom-normal.jpg"
DATA = (default_package() / "model.onnx").read_bytes()
CPU = "CPUExecutionProvider"
CUDA, OPENVINO = "CUDAExecutionProvider", "OpenVINOExecutionProvider"


class Pretender(ort.InferenceSession):
    """A session on the CPU that says it is on the device asked for, with faults as told."""

    faults: ClassVar[dict[str, str]] = {}
    chains: ClassVar[list[Any]] = []

    def __init__(self, data: bytes, options: ort.SessionOptions, chain: Any, **words: Any) -> None:
        self.chains.append(chain)
        self.name = chain[0][0]
        self.fault = self.faults.get(self.name, "")
        if self.fault == "no session":
            raise RuntimeError("libfoo.so is missing\nand more")
        super().__init__(data, options, [CPU], **words)

    def get_providers(self) -> list[str]:
        return [CPU] if self.fault == "falls back" else list(dict.fromkeys([self.name, CPU]))

    def get_provider_graph_assignment_info(self) -> list[Any]:
        place = CPU if self.fault == "takes nothing" else self.name
        return [SimpleNamespace(ep_name=place, get_nodes=lambda: [0] * 7)]

    def run_with_iobinding(self, *words: Any) -> None:
        if self.fault == "fails":
            raise ort.capi.onnxruntime_pybind11_state.EPFail("out of memory")
        super().run_with_iobinding(*words)

    def io_binding(self) -> Any:
        binding = super().io_binding()
        if self.fault == "gives nan":
            real = binding.copy_outputs_to_cpu
            binding.copy_outputs_to_cpu = lambda: [np.full_like(one, np.nan) for one in real()]
        return binding


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make providers available, each with a fault or an empty text."""

    def install(**faults: str) -> None:
        names = {name: fault for name, fault in faults.items() if name != CPU}
        monkeypatch.setattr(Pretender, "faults", names)
        monkeypatch.setattr(Pretender, "chains", [])
        monkeypatch.setattr(ort, "InferenceSession", Pretender)
        monkeypatch.setattr(ort, "get_available_providers", lambda: [*names, CPU])

    return install


def runtime(device: str, data: bytes = DATA) -> OnnxRuntime:
    return OnnxRuntime(data, "m.onnx", OpenOptions(device))


def test_auto_takes_the_fastest_that_works(pretend: Callable[..., None]) -> None:
    """One that fails is skipped, and why is kept; one that compiles for minutes is not tried."""
    pretend(**{OPENVINO: "", CUDA: "falls back", "TensorrtExecutionProvider": ""})
    opened = runtime("auto")
    assert opened.provider == OPENVINO
    assert opened.why == (
        "the first provider that works; runs 7 of 7 operators; skipped "
        "TensorrtExecutionProvider: only when asked for, it compiles the graph for minutes at "
        "every start; skipped CUDAExecutionProvider: onnxruntime fell back to "
        "CPUExecutionProvider, check the device's driver and libraries"
    )


def test_auto_ends_on_the_cpu(pretend: Callable[..., None]) -> None:
    """Where no device works the CPU does, and where there is none that is all to be said."""
    pretend(**{OPENVINO: "no session"})
    opened = runtime("auto")
    assert opened.provider == CPU
    assert opened.why == (
        f"the first provider that works; skipped {OPENVINO}: no session, libfoo.so is missing"
    )
    pretend()
    assert runtime("auto").why == "no GPU provider installed"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("no session", "no session, libfoo.so is missing"),
        ("falls back", "fell back to CPUExecutionProvider, check the device's driver"),
        ("takes nothing", "runs none of the graph's 7 operators, all would run on CPUExecution"),
        ("fails", "fails on a trial image, .*out of memory"),
        ("gives nan", "gives nan for a trial image"),
    ],
)
def test_a_device_that_does_not_work_is_an_error(
    pretend: Callable[..., None], fault: str, message: str
) -> None:
    """One that was asked for is never replaced by the CPU, whatever onnxruntime does."""
    pretend(**{CUDA: fault})
    with pytest.raises(RuntimeUnavailable, match=f"--device cuda: {CUDA}: .*{message}"):
        runtime("cuda")
    assert runtime("auto").provider == CPU


def test_a_device_that_works_is_used_and_told(pretend: Callable[..., None]) -> None:
    """Its scores are those of the graph, its fallback is off and its options keep float32."""
    pretend(**{CUDA: "", "TensorrtExecutionProvider": ""})
    image = np.random.default_rng(0).integers(0, 256, (3, 128, 128, 1), np.uint8)
    opened = runtime("cuda")
    assert opened.why == "asked for; runs 7 of 7 operators"
    np.testing.assert_allclose(
        opened.run(image).scores, runtime("cpu").run(image).scores, atol=1e-6
    )
    assert Pretender.chains[0] == [(CUDA, {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"})]
    assert not opened._session._enable_fallback
    Pretender.chains.clear()
    runtime("tensorrt")
    assert [name for name, _ in Pretender.chains[0]] == ["TensorrtExecutionProvider", CUDA]


def test_rocm_has_two_providers(pretend: Callable[..., None]) -> None:
    """The older one is used where it is the one that is installed, or the one that works."""
    pretend(ROCMExecutionProvider="")
    assert runtime("rocm").provider == "ROCMExecutionProvider"
    pretend(ROCMExecutionProvider="", MIGraphXExecutionProvider="no session")
    assert "skipped MIGraphX" in runtime("rocm").why


def test_a_damaged_model_is_no_fault_of_the_device(pretend: Callable[..., None]) -> None:
    """It is named as what it is, with any device."""
    pretend(**{CUDA: ""})
    for device in ("cuda", "auto", "cpu"):
        with pytest.raises(ModelInvalid, match=r"m\.onnx: expected an ONNX model"):
            runtime(device, DATA[:1000])


@pytest.mark.parametrize("device", [device for device in DEVICES if device not in ("auto", "cpu")])
def test_a_device_that_is_not_installed_names_what_brings_it(
    pretend: Callable[..., None], device: str
) -> None:
    """An error with the package, or how else to get it, never a scan on the CPU."""
    pretend()
    first = providers_of(device)[0]
    with pytest.raises(RuntimeUnavailable, match=f"--device {device} needs {first.name}") as told:
        runtime(device)
    wanted = f"pip install {first.package}" if first.package else "--use_xnnpack"
    assert wanted in str(told.value)


def test_two_distributions_are_noticed(
    pretend: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that is asked for is refused, with the way out; the CPU works, and it is told."""
    info = tmp_path / "onnxruntime_gpu-1.31.1.dist-info"
    info.mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    pretend(**{CUDA: ""})
    trap = (
        "onnxruntime and onnxruntime-gpu are installed together and overwrite each other's files: "
        "pip uninstall -y onnxruntime onnxruntime-gpu, then pip install the one that the device "
        "needs"
    )
    with pytest.raises(RuntimeUnavailable, match=f"--device cuda: {trap}"):
        runtime("cuda")
    for device in ("cpu", "auto"):
        assert runtime(device).why.endswith(trap)


def test_every_provider_is_known_by_one_name() -> None:
    """The table names each once, and ends on the CPU."""
    names = [provider.name for provider in PROVIDERS]
    assert len(set(names)) == len(names)
    assert names[-1] == CPU


def test_a_scan_tells_of_its_device(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """The device asked for, the one used and the reason stand in summary and manifest."""
    out = tmp_path / "r.csv"
    result = cxr("scan", IMAGE, "--runtime", "onnx", "--device", "cpu", "--out", out)
    assert result.exit_code == 0
    assert "device: CPU (asked for)\n" in result.output
    data = json.loads(manifest_path(out).read_text())
    assert (data["device_asked"], data["device_why"]) == ("cpu", "asked for")
    assert data["identity"]["provider"] == CPU


def test_a_runtime_without_devices_says_so() -> None:
    """LiteRT has the CPU alone."""
    assert open_artefact(runtime="litert").device_why == "LiteRT runs on the CPU only"
