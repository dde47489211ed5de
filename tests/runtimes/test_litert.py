"""LiteRT: interpreters for several threads, damaged files, and what it prints."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cxr_edge.errors import ModelError, RuntimeUnavailable
from cxr_edge.models.locate import default_package
from cxr_edge.models.open import open_artefact
from cxr_edge.models.registry import installed

pytestmark = pytest.mark.skipif(not installed("litert"), reason="litert is not installed")

TRUNCATE = """
import sys
from cxr_edge.errors import ModelError
from cxr_edge.runtimes.base import OpenOptions
from cxr_edge.runtimes.litert import LiteRtRuntime
data = open(sys.argv[1], "rb").read()
ends = [*range(0, 64, 4), *range(100, len(data) - 4000, len(data) // 40), len(data) - 4000]
for end in ends:
    try:
        LiteRtRuntime(data[:end], "m.tflite", OpenOptions())
    except ModelError:
        continue
    sys.exit(f"{end} of {len(data)} bytes were taken for a model")
print(len(ends))
"""


def test_half_a_tflite_file_ends_in_a_message() -> None:
    """Wherever a copy broke off, the interpreter neither crashes nor runs it."""
    path = default_package() / "model.tflite"
    done = subprocess.run(
        [sys.executable, "-c", TRUNCATE, path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50


@pytest.mark.parametrize("error", [RuntimeError, ValueError])
def test_an_interpreter_that_cannot_be_had_is_a_model_error(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """A further thread for which LiteRT has no memory left ends in a message."""
    runtime = open_artefact(str(default_package() / "model.tflite"), "litert").runtime

    def refuse(*_: object) -> None:
        raise error("no memory")

    monkeypatch.setattr(runtime, "_idle", [])
    monkeypatch.setattr(runtime, "_load", refuse)
    with pytest.raises(ModelError, match="LiteRT failed on a batch: no memory"):
        runtime.run(np.zeros((1, *runtime.spec.input.shape), np.uint8))


@pytest.mark.slow
def test_threads_share_a_model() -> None:
    """Calls at the same time, of different sizes, get each their own answer."""
    runtime = open_artefact(str(default_package() / "model.tflite"), threads=1).runtime
    noise = np.random.default_rng(0).integers(0, 256, (6, *runtime.spec.input.shape), np.uint8)
    batches = [noise[first : first + 1 + first % 3] for first in range(4)] * 4
    alone = [runtime.run(batch).scores for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        together = [given.scores for given in pool.map(runtime.run, batches)]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_devices_are_refused() -> None:
    """With the runtime that has them, never a scan on the CPU in their place."""
    with pytest.raises(RuntimeUnavailable, match=r"--device cuda: LiteRT .* use --runtime onnx"):
        open_artefact(str(default_package() / "model.tflite"), device="cuda")


QUIET = """
import os, sys
from cxr_edge.runtimes.base import OpenOptions
from cxr_edge.runtimes.litert import LiteRtRuntime
data = open(sys.argv[1], "rb").read()
for _ in range(2):
    LiteRtRuntime(data, "m.tflite", OpenOptions())
    os.write(2, b"kept\\n")
"""


def test_its_note_is_dropped_and_nothing_else() -> None:
    """Standard error stays the user's: no line of LiteRT's own on how it computes.

    This fails where a newer LiteRT words the note otherwise.
    """
    path: Path = default_package() / "model.tflite"
    done = subprocess.run([sys.executable, "-c", QUIET, path], capture_output=True, check=True)
    assert done.stderr == b"kept\nkept\n"


class Renamed:
    """An interpreter of a file whose signature names tensors that are no outputs any more."""

    def __init__(self, *, outputs: list[int], named: dict[str, int]) -> None:
        self.outputs, self.named = outputs, named

    def get_output_details(self) -> list[dict[str, Any]]:
        return [{"index": index} for index in self.outputs]

    def get_signature_list(self) -> dict[str, Any]:
        return {"serving_default": {}}

    def get_signature_runner(self, _: str) -> Any:
        details = {name: {"index": index} for name, index in self.named.items()}
        return SimpleNamespace(get_output_details=lambda: details)


def test_an_output_that_a_quantizer_replaced_keeps_its_name() -> None:
    """One name that is left belongs to the one output without any; of two, neither is guessed."""
    from cxr_edge.runtimes.litert import named_outputs

    one: Any = Renamed(outputs=[5, 7], named={"map": 5, "features": 9})
    assert [each["name"] for each in named_outputs(one)] == ["map", "features"]
    two: Any = Renamed(outputs=[6, 7], named={"map": 5, "features": 9})
    assert [each["name"] for each in named_outputs(two)] == ["?", "?"]
