"""LiteRT: interpreters for several threads, damaged files, and what it prints."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
