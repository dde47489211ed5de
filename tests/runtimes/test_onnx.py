"""onnxruntime: threads, damaged models, and what it prints."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as native

from cxr_edge.errors import ModelError, ModelInvalid
from cxr_edge.models.locate import default_package
from cxr_edge.runtimes import onnx as module
from cxr_edge.runtimes.base import OpenOptions
from cxr_edge.runtimes.onnx import OnnxRuntime

DATA = (default_package() / "model.onnx").read_bytes()


def test_threads_share_a_session() -> None:
    """Calls at the same time, of different sizes, get each their own answer."""
    runtime = OnnxRuntime(DATA, "m.onnx", OpenOptions())
    noise = np.random.default_rng(0).integers(0, 256, (6, *runtime.spec.input.shape), np.uint8)
    batches = [noise[first : first + 1 + first % 3] for first in range(4)] * 4
    alone = [runtime.run(batch).scores for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        together = [given.scores for given in pool.map(runtime.run, batches)]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_batch_that_fails_is_a_model_error() -> None:
    """The library's own error does not come through."""
    runtime = OnnxRuntime(DATA, "m.onnx", OpenOptions())
    with pytest.raises(ModelError, match="onnxruntime failed on a batch: "):
        runtime.run(np.zeros((1, 7, 7, 1), np.uint8))


@pytest.mark.parametrize("end", [0, 100, len(DATA) // 2])
def test_half_a_model_is_named(end: int) -> None:
    """Wherever a copy broke off."""
    with pytest.raises(ModelInvalid, match=r"m\.onnx: expected an ONNX model"):
        OnnxRuntime(DATA[:end], "m.onnx", OpenOptions())


def test_outside_weights_are_told_whatever_the_library_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file decides on the message, not the wording of onnxruntime's error."""
    whole = onnx.load(default_package() / "model.onnx")
    options = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 64}
    onnx.save_model(whole, tmp_path / "m.onnx", **options)
    assert (tmp_path / "weights.bin").is_file()

    def refuse(*_: object, **__: object) -> None:
        raise native.Fail("worded in a way that nobody foresaw")

    monkeypatch.setattr(ort, "InferenceSession", refuse)
    with pytest.raises(ModelInvalid, match="expected all weights in one file"):
        OnnxRuntime((tmp_path / "m.onnx").read_bytes(), "m.onnx", OpenOptions())
    with pytest.raises(ModelInvalid, match=r"cannot load it \(worded in a way"):
        OnnxRuntime(DATA, "m.onnx", OpenOptions())


def test_the_default_logger_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that is merely tried prints nothing; afterwards warnings are printed again."""
    set_to: list[int] = []
    monkeypatch.setattr(ort, "set_default_logger_severity", set_to.append)

    def fail() -> None:
        with module._silence():
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  (raised here)
        fail()
    assert set_to == [module._FATAL_ONLY, module._WARNINGS]
