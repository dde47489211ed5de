"""Which runtime is the fastest here."""

import time

import numpy as np
import pytest
from fakes import FakeRuntime
from numpy.typing import NDArray

from cxr_edge.runtimes.base import Scores
from cxr_edge.runtimes.timing import BUDGET, COUNTED, MAX_TURNS, measure, reason, usable
from cxr_edge.spec.model_spec import ModelSpec


class Slow(FakeRuntime):
    """Takes as long as it is told, the first run of a turn longer."""

    def __init__(self, spec: ModelSpec, seconds: float) -> None:
        super().__init__(spec)
        self.seconds = seconds

    def run(self, pixels: NDArray[np.uint8]) -> Scores:
        time.sleep(self.seconds)
        return super().run(pixels)


def test_the_faster_takes_less(spec: ModelSpec) -> None:
    """Median milliseconds of an image, in turns of one warm-up and a few counted runs."""
    slow, fast = Slow(spec, 0.02), Slow(spec, 0.005)
    times = measure({"slow": slow, "fast": fast})
    assert 5 <= times["fast"] < 20 <= times["slow"]
    assert list(times) == ["slow", "fast"]
    turns = len(slow.batches) / (COUNTED + 1)
    assert turns in range(2, MAX_TURNS + 1)
    assert set(slow.batches) == {1}


@pytest.mark.parametrize(("share", "runs"), [(1.1, 1), (0.55, 2)])
def test_a_slow_model_is_not_run_often(spec: ModelSpec, share: float, runs: int) -> None:
    """Neither turn nor run is begun once the budget is spent, and a time comes out all the same.

    On a small board an image can take a second, and the first scan waits for the measurement.
    """
    slow = Slow(spec, share * BUDGET)
    times = measure({"slow": slow})
    assert len(slow.batches) == runs
    assert times["slow"] >= 1e3 * share * BUDGET


@pytest.mark.parametrize(
    "times",
    [None, "passed", [], {}, {"onnx": 1.0}, {"onnx": 1.0, "litert": "2"},
     {"onnx": 1.0, "litert": float("nan")}, {"onnx": 1.0, "tpu": 2.0}],
)  # fmt: skip
def test_remembered_rubbish_is_not_used(times: object) -> None:
    """Times of other runtimes, or what are no times, lead to a new measurement."""
    assert usable(times, frozenset({"onnx", "litert"})) is None


def test_the_reason_has_the_numbers() -> None:
    """The manifest tells what was compared, and that it was measured."""
    times = usable({"onnx": 42.123, "litert": 35}, frozenset({"onnx", "litert"}))
    assert times is not None
    assert reason(times) == "fastest of onnx 42.1, litert 35.0 ms an image (measured)"
