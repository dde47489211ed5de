"""Images per model call, measured where nobody asks for a number."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import UsageError
from cxr_edge.models.machine_cache import machine_cache
from cxr_edge.models.model import Model
from cxr_edge.models.preferred import Preferred
from cxr_edge.runtimes.base import Runtime
from cxr_edge.runtimes.batches import run_in_batches
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.system.memory import available_memory, peak_memory
from cxr_edge.system.plural import counted
from cxr_edge.system.progress import stage

SIZES: Final = (1, 4, 16)
"""Batch sizes that are tried; on a device also :data:`DEVICE_SIZE`."""

DEVICE_SIZE: Final = 64
"""Largest batch size that is tried on a device."""

USUAL: Final = 4
"""Batch size that is taken where it costs no more. In a scan an image is decoded between two calls,
so each call finds cold caches, which these times do not show: larger batches are better there."""

GAIN: Final = 0.9
"""Largest time per image, as a share of that of smaller batches, at which a larger batch is taken;
where it takes longer, no larger one is tried."""

SAME: Final = 1.1
"""The same for the usual size."""

COUNTED: Final = 16
"""Images timed for each size, in two calls at least, after one that is not counted; the fastest
call counts."""

_FEW: Final = 4
"""Images whose memory tells that of more."""

INEXACT: Final = "larger batches change this model's probabilities in the last bit"
"""Reason for single images, in the run manifest."""


@dataclass(frozen=True)
class Batching:
    """Number and form of the batches that a scan gives to the model."""

    size: int = 1
    """Images per call; where fewer are left and calls are not padded, they go one by one."""
    why: str = "asked for"
    """Reason for the size, as a clause for the run manifest."""
    padded: bool = False
    """Calls that are not full are filled up with black images: on a device the shape of a call may
    change the last bit of a probability."""


def choose_batching(
    model: Model, asked: int | None, workers: int, preferred: Preferred | None = None
) -> Batching:
    """Choose the number of images per call.

    On a CPU an image's probability must be, to the last bit, what it is when the image is scored
    alone: where a batch changes it, images go one by one, whatever was asked for. On a device every
    call has the same shape instead. Times of models in a package are remembered.

    Parameters
    ----------
    model
        Model, opened as it is going to be used.
    asked
        Images per call; None to take the fastest that the memory allows.
    workers
        Calls at once.
    preferred
        Settings that a report to be continued was started with: on a device its batches are kept.

    Raises
    ------
    UsageError
        As many images at once as are asked for do not fit the memory that is free.
    """
    padded = not on_cpu(model.runtime)
    if padded and preferred and not asked:
        return Batching(preferred.batch_size, preferred.batch_why, padded=True)
    if asked == 1 or (asked and padded):
        return Batching(asked, padded=padded)
    if asked:
        _require_memory(model.runtime, asked, workers)
        return (
            Batching(asked)
            if _alike(model.runtime, asked)
            else Batching(1, f"batch size 1: {INEXACT}")
        )
    if model.package is None:
        return Batching(1, "default for a model without a package")
    known = machine_cache(model.package)
    question = f"batches, {model.artefact}, {model.runtime_name}, {model.runtime.provider}"
    times = _usable(known.get(question))
    if times is None:
        with stage("trying batch sizes, once on this machine"):
            times = _measure(model.runtime, workers, padded=padded)
        known.put(question, times)
    return Batching(_best(times), _reason(times), padded)


def on_cpu(runtime: Runtime) -> bool:
    """Tell whether a runtime computes on the CPU, with nothing between it and its kernels."""
    return runtime.provider in ("CPUExecutionProvider", "CPU")


def _measure(runtime: Runtime, workers: int, *, padded: bool) -> dict[str, float | None]:
    """Return milliseconds per image by batch size; None for a size that changes a probability."""
    times: dict[str, float | None] = {}
    best = math.inf
    for size in (*SIZES, *((DEVICE_SIZE,) if padded else ())):
        if size > 1 and not padded and not _alike(runtime, size):
            times[str(size)] = None
            break
        before = peak_memory()
        taken = _milliseconds(runtime, size)
        if size > 1 and 4 * workers * (peak_memory() - before) > available_memory():
            break
        times[str(size)] = taken
        if not _is_worth(size, taken, best):
            break
        best = min(best, taken)
    return times


def _require_memory(runtime: Runtime, asked: int, workers: int) -> None:
    """Refuse more images at once than fit, by what a few of them take; none where nobody tells."""
    few = min(asked, _FEW)
    runtime.run(drawn_images(runtime.spec.input, 1))
    before = peak_memory()
    runtime.run(drawn_images(runtime.spec.input, few))
    each, free = (peak_memory() - before) / few, available_memory()
    most = max(1, int(free / (workers * each))) if each and free else asked
    if asked > most:
        calls = counted(workers, "call runs", "calls run")
        raise UsageError(
            f"--batch-size: expected a whole number from 1 to {most} on this machine, got {asked}: "
            f"{calls} at once, an image takes {each / 1e6:.1f} MB, and {free / 1e6:.0f} MB are "
            "free; ask for fewer, or for fewer --workers"
        )


def _milliseconds(runtime: Runtime, size: int) -> float:
    from cxr_edge.runtimes.timing import milliseconds

    images = drawn_images(runtime.spec.input, size)
    runtime.run(images)
    taken = milliseconds(partial(runtime.run, images), max(2, COUNTED // size), warm=True)
    return round(min(taken) / size, 3)


def _alike(runtime: Runtime, size: int) -> bool:
    """Tell whether images get the same probabilities, to the last bit, together as alone.

    This holds for batches of this size. A scan makes no others but of one image, since a batch of
    another size can round differently.
    """
    images = drawn_images(runtime.spec.input, size)
    together = runtime.run(images).scores
    alone = run_in_batches(runtime, images, 1).scores
    saturated = (together == together[0]).all()  # then there is nothing that could differ
    return not saturated and np.array_equal(together, alone)


def drawn_images(spec: InputSpec, count: int) -> NDArray[np.uint8]:
    """Return soft blotches at several exposures, images that no model gives the same answer for.

    Returns
    -------
    numpy.ndarray
        uint8 of shape (count, height, width, channels), the same at every call.
    """
    rng = np.random.default_rng(0)
    images = []
    for _ in range(count):
        coarse = rng.normal(rng.uniform(60, 200), rng.uniform(10, 60), (7, 7)).astype(np.float32)
        image = cv2.resize(coarse, (spec.width, spec.height), interpolation=cv2.INTER_CUBIC)
        images.append(np.clip(image, 0, 255).astype(np.uint8))
    return np.repeat(np.stack(images)[..., np.newaxis], spec.channels, axis=3)


def _best(times: Mapping[str, float | None]) -> int:
    best, least = 1, math.inf
    for size, taken in times.items():
        if taken is not None and _is_worth(int(size), taken, least):
            best, least = int(size), min(least, taken)
    return best


def _is_worth(size: int, taken: float, least: float) -> bool:
    """Tell whether a batch size is better than smaller ones, of which the fastest took `least`."""
    return taken <= (SAME if size == USUAL else GAIN) * least


def _reason(times: Mapping[str, float | None]) -> str:
    """Return the run manifest's clause on a choice by these times."""
    size = str(_best(times))
    others = {other: ms for other, ms in times.items() if other != size and ms is not None}
    limit = f"; {INEXACT}" if None in times.values() else ""
    if not others:
        return f"batch size {size}: {INEXACT if limit else 'larger batches need too much memory'}"
    chosen = times[size]
    assert chosen is not None
    # Every digit that was compared: rounded times can contradict the choice.
    rank = "fastest" if chosen <= min(others.values()) else "nearly the fastest"
    rest = ", ".join(f"batch size {other}: {ms:g} ms" for other, ms in others.items())
    return f"batch size {size} is {rank}: {chosen:g} ms per image ({rest}){limit}"


def _usable(found: object) -> dict[str, float | None] | None:
    """Return remembered times, None where they are anything else."""
    if not isinstance(found, dict) or not isinstance(found.get("1"), int | float):
        return None
    for size, taken in found.items():
        if not size.isdecimal() or not (
            taken is None or (isinstance(taken, int | float) and taken > 0)
        ):
            return None
    return found
