"""The one timing loop, and runtimes timed in turns."""

import math
import time

import numpy as np
import pytest
from fakes import FakeRuntime
from numpy.typing import NDArray

from cxr_edge.runtimes.base import Outputs
from cxr_edge.runtimes.timing import (
    BUDGET,
    COUNTED,
    MAX_TURNS,
    milliseconds,
    seconds,
    time_in_turns,
)
from cxr_edge.spec.model_spec import ModelSpec


class Slow(FakeRuntime):
    """Takes as long as it is told."""

    def __init__(self, spec: ModelSpec, delay: float) -> None:
        super().__init__(spec)
        self.delay = delay

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        time.sleep(self.delay)
        return super().run(pixels)


class Clock:
    """A clock that calls move on, by what each is told to take."""

    def __init__(self, *takes: float) -> None:
        self.now, self.takes = 0.0, list(takes)

    def __call__(self) -> float:
        return self.now

    def work(self) -> None:
        self.now += self.takes.pop(0)


def test_seconds_are_those_of_the_clock_given() -> None:
    """CPU time is measured where the caller asks for it."""
    clock = Clock(2.5)
    assert seconds(clock.work, clock) == 2.5


@pytest.mark.parametrize(
    ("takes", "warm", "counted"),
    [
        ([0.3, 0.1, 0.1, 0.1], False, [100, 100, 100]),
        ([0.3, 0.1, 0.1], True, [300, 100, 100]),
        ([0.6], False, [600]),
        ([0.3, 0.3], False, [300]),
    ],
    ids=["the first does not count", "unless warm", "or alone", "the budget ends it"],
)
def test_calls_count_as_documented(
    monkeypatch: pytest.MonkeyPatch, takes: list[float], warm: bool, counted: list[float]
) -> None:
    """Three calls count after a warm-up, fewer where the budget is used up."""
    clock = Clock(*takes)
    monkeypatch.setattr("cxr_edge.runtimes.timing.seconds", lambda call: seconds(call, clock))
    assert milliseconds(clock.work, 3, warm=warm) == pytest.approx(counted)
    assert not clock.takes


def test_a_budget_can_be_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parity report's latency is of as many calls as it says."""
    clock = Clock(*[9.0] * 30)
    monkeypatch.setattr("cxr_edge.runtimes.timing.seconds", lambda call: seconds(call, clock))
    assert len(milliseconds(clock.work, 30, warm=True, budget=math.inf)) == 30


def test_the_faster_takes_less(spec: ModelSpec) -> None:
    """Median milliseconds per image, in turns of one warm-up and a few counted calls."""
    slow, fast = Slow(spec, 0.02), Slow(spec, 0.005)
    times = time_in_turns({"slow": slow, "fast": fast})
    assert 5 <= times["fast"] < 20 <= times["slow"]
    assert list(times) == ["fast", "slow"]
    turns = len(slow.batches) / (COUNTED + 1)
    assert turns in range(2, MAX_TURNS + 1)
    assert set(slow.batches) == {1}


@pytest.mark.parametrize(("share", "runs"), [(1.1, 1), (0.55, 2)])
def test_a_slow_model_is_not_run_often(spec: ModelSpec, share: float, runs: int) -> None:
    """Neither turn nor call is started once the budget is used up, and a time comes out still.

    On a small board an image can take a second, and the first scan waits for the measurement.
    """
    slow = Slow(spec, share * BUDGET)
    times = time_in_turns({"slow": slow})
    assert len(slow.batches) == runs
    assert times["slow"] >= 1e3 * share * BUDGET
