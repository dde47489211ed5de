"""Which of several runtimes is the fastest here, by running them."""

import math
import statistics
import time
from collections.abc import Mapping
from typing import Final

import numpy as np

from cxr_edge.runtimes import Runtime

COUNTED: Final = 3
"""Timed runs a turn, after one that is not timed."""

MAX_TURNS: Final = 3
"""Turns of each runtime."""

BUDGET: Final = 0.5
"""No further turn is begun once so many seconds have passed."""


def measure(runtimes: Mapping[str, Runtime], batch_size: int) -> dict[str, float]:
    """Time one batch of a scan in each runtime.

    Runtimes take turns of a few runs each, so that a machine whose speed drifts slows all alike.
    Within a turn the first run is not counted: the threads of the runtime before still spin, and
    its weights are in the cache.

    Parameters
    ----------
    runtimes
        By name; of the same model, so all take the same pixels.
    batch_size
        Films a batch.

    Returns
    -------
    dict
        Median milliseconds a batch, by name.
    """
    shape = next(iter(runtimes.values())).spec.input.shape
    pixels = np.random.default_rng(0).integers(0, 256, (batch_size, *shape), np.uint8)
    taken: dict[str, list[float]] = {name: [] for name in runtimes}
    start = time.perf_counter()
    for _ in range(MAX_TURNS):
        for name, runtime in runtimes.items():
            runtime.run(pixels)
            for _ in range(COUNTED):
                before = time.perf_counter()
                runtime.run(pixels)
                taken[name].append(1e3 * (time.perf_counter() - before))
        if time.perf_counter() - start > BUDGET:
            break
    return {name: round(statistics.median(times), 3) for name, times in taken.items()}


def usable(times: object, names: frozenset[str]) -> dict[str, float] | None:
    """Return remembered times where they are of these runtimes, None where they are anything else.

    What is remembered comes from a file that anyone may have changed.
    """
    if not isinstance(times, dict) or times.keys() != names:
        return None
    if not all(isinstance(ms, int | float) and math.isfinite(ms) for ms in times.values()):
        return None
    return times


def reason(times: Mapping[str, float], batch_size: int) -> str:
    """Return the run manifest's sentence on a choice by these times."""
    shown = ", ".join(f"{name} {ms:.1f}" for name, ms in times.items())
    return f"fastest of {shown} ms a batch of {batch_size} (measured)"
