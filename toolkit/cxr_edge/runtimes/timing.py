"""Time that calls take: the one loop that everything timed here goes through."""

import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import numpy as np

from cxr_edge.runtimes.base import Runtime

COUNTED: Final = 3
"""Timed calls per turn, after one that is not counted."""

MAX_TURNS: Final = 3
"""Turns of each runtime."""

BUDGET: Final = 0.5
"""Seconds after which no further turn is started, and no further call within a turn."""


def seconds(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds that one call takes, by a clock that counts seconds."""
    start = clock()
    call()
    return clock() - start


def milliseconds(
    call: Callable[[], object], counted: int, *, warm: bool = False, budget: float = BUDGET
) -> list[float]:
    """Time calls one after the other.

    Parameters
    ----------
    call
        Function that is timed.
    counted
        Calls that count, at least 1.
    warm
        The same call was made just before. If not, the first call does not count, unless it
        alone uses up the budget: on a small board an image can take a second.
    budget
        Seconds after which no further call is started; one call is always made.

    Returns
    -------
    list of float
        Milliseconds of each call that counts, at least one.
    """
    taken: list[float] = []
    while len(taken) < counted + (not warm) and (not taken or sum(taken) <= 1e3 * budget):
        taken.append(1e3 * seconds(call))
    return taken if warm or len(taken) == 1 else taken[1:]


def time_in_turns(runtimes: Mapping[str, Runtime]) -> dict[str, float]:
    """Time one image in each runtime.

    Runtimes take turns of a few calls each, so that a machine whose speed drifts slows all alike.
    Within a turn the first call is not counted: the threads of the runtime before still spin, and
    its weights are in the cache.

    Parameters
    ----------
    runtimes
        Runtimes by name, with the same model loaded.

    Returns
    -------
    dict
        Median milliseconds per image by name, the fastest first.
    """
    shape = next(iter(runtimes.values())).spec.input.shape
    pixels = np.random.default_rng(0).integers(0, 256, (1, *shape), np.uint8)
    taken: dict[str, list[float]] = {name: [] for name in runtimes}
    start = time.perf_counter()
    for _ in range(MAX_TURNS):
        for name, runtime in runtimes.items():
            taken[name] += milliseconds(partial(runtime.run, pixels), COUNTED)
        if time.perf_counter() - start > BUDGET:
            break
    medians = {name: round(statistics.median(times), 3) for name, times in taken.items()}
    return dict(sorted(medians.items(), key=lambda item: item[1]))
