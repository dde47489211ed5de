"""Which of several runtimes is the fastest here, by running them."""

import math
import statistics
import time
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.runtimes.base import Runtime

COUNTED: Final = 3
"""Timed runs a turn, after one that is not counted."""

MAX_TURNS: Final = 3
"""Turns of each runtime."""

BUDGET: Final = 0.5
"""Seconds after which no further turn is begun, and no further run within a turn."""


def measure(runtimes: Mapping[str, Runtime]) -> dict[str, float]:
    """Time one image in each runtime.

    Runtimes take turns of a few runs each, so that a machine whose speed drifts slows all alike.
    Within a turn the first run is not counted: the threads of the runtime before still spin, and
    its weights are in the cache. Of a model that takes longer than the budget the first run is the
    only one, and counts: on a small board an image can take a second.

    Parameters
    ----------
    runtimes
        By name; of the same model, so all take the same pixels.

    Returns
    -------
    dict
        Median milliseconds an image, by name.
    """
    shape = next(iter(runtimes.values())).spec.input.shape
    pixels = np.random.default_rng(0).integers(0, 256, (1, *shape), np.uint8)
    taken: dict[str, list[float]] = {name: [] for name in runtimes}
    start = time.perf_counter()
    for _ in range(MAX_TURNS):
        for name, runtime in runtimes.items():
            first, *counted = _turn(runtime, pixels)
            taken[name] += counted or [first]
        if time.perf_counter() - start > BUDGET:
            break
    return {name: round(statistics.median(times), 3) for name, times in taken.items()}


def _turn(runtime: Runtime, pixels: NDArray[np.uint8]) -> list[float]:
    """Return the milliseconds of a few runs, one at least."""
    times: list[float] = []
    while len(times) <= COUNTED and sum(times) <= 1e3 * BUDGET:
        before = time.perf_counter()
        runtime.run(pixels)
        times.append(1e3 * (time.perf_counter() - before))
    return times


def usable(times: object, names: frozenset[str]) -> dict[str, float] | None:
    """Return remembered times where they are of these runtimes, None where they are anything else.

    What is remembered comes from a file that anyone may have changed.
    """
    if not isinstance(times, dict) or times.keys() != names:
        return None
    if not all(isinstance(ms, int | float) and math.isfinite(ms) for ms in times.values()):
        return None
    return times


def reason(times: Mapping[str, float]) -> str:
    """Return the run manifest's sentence on a choice by these times."""
    shown = ", ".join(f"{name} {ms:.1f}" for name, ms in times.items())
    return f"fastest of {shown} ms an image (measured)"
