"""START HERE. Items to outcomes: the whole pipeline, as a stream.

::

    discover -> batches -> workers (read, hash, decode, preprocess, Runtime.run) -> Outcome

A worker takes a batch of files from their bytes to their outcomes. While one waits for the disk or
a device, others decode; on a CPU as many films are scored side by side as there are workers, each
by one thread. Outcomes come in the order of the items, one for each. In memory are the films of the
batches at work, and of those done that wait for an earlier one the outcomes only.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from cxr_edge.batching import Batching
from cxr_edge.discover import ImageItem
from cxr_edge.errors import ImageError, InvalidScore, ModelInvalid
from cxr_edge.machine import usable_cpus
from cxr_edge.model import Model
from cxr_edge.outcome import Decision, Failure, Outcome, Prediction, round_probability
from cxr_edge.prepare import Pixels, Prepared, prepare
from cxr_edge.runtimes import Runtime
from cxr_edge.spec import InputSpec

AHEAD: Final = 32
"""Batches a worker that may be done before an earlier one is: what a slow file holds up."""

Prepare: TypeAlias = Callable[[Path, InputSpec], Prepared]
"""Takes a file to pixels; :func:`cxr_edge.prepare.prepare`, or one that is more careful."""

T = TypeVar("T")
R = TypeVar("R")


def scan(
    items: Iterable[ImageItem],
    model: Model,
    decision: Decision,
    *,
    prepare: Prepare = prepare,
    batching: Batching | None = None,
    workers: int | None = None,
) -> Iterator[list[Outcome]]:
    """Classify files.

    Parameters
    ----------
    items
        What to classify; consumed lazily.
    model
        With what; its runtime is called by all workers at once.
    decision
        How a probability becomes a label.
    prepare
        Takes a file to pixels; never raises an ImageError.
    batching
        Files a batch: scored in one call of the model if all can be read. One by default.
    workers
        Threads; as many as usable CPUs by default.

    Yields
    ------
    list of Outcome
        One batch, in the order of the items, one outcome an item.

    Raises
    ------
    ModelError
        The runtime failed. What is wrong with a file is an outcome, never an error.
    """
    workers = workers or usable_cpus()
    batching = batching or Batching()
    call = partial(classify, model=model, decision=decision, batching=batching, prepare=prepare)
    batches = _batched(items, batching.size)
    for _, outcomes in in_order(call, batches, ahead=AHEAD * workers, workers=workers):
        yield outcomes


def prepare_all(
    items: Iterable[ImageItem], spec: InputSpec, *, ahead: int, workers: int | None = None
) -> Iterator[tuple[ImageItem, Prepared]]:
    """Read, decode and preprocess files in threads, at most ``ahead`` of what is consumed.

    Yields
    ------
    tuple
        Each item with what became of it, in the order of the items.
    """
    return in_order(
        lambda item: prepare(item.file, spec), items, ahead=ahead, workers=workers or usable_cpus()
    )


def in_order(
    function: Callable[[T], R], things: Iterable[T], *, ahead: int, workers: int
) -> Iterator[tuple[T, R]]:
    """Call a function in threads, at most ``ahead`` of what is consumed.

    Yields
    ------
    tuple
        Each thing with what the function made of it, in the order of the things.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="worker")
    window: deque[tuple[T, Future[R]]] = deque()
    try:
        for thing in things:
            window.append((thing, pool.submit(function, thing)))
            if len(window) > ahead:
                first, future = window.popleft()
                yield first, future.result()
        while window:
            first, future = window.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _batched(items: Iterable[ImageItem], size: int) -> Iterator[list[ImageItem]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def classify(
    batch: Sequence[ImageItem],
    model: Model,
    decision: Decision,
    batching: Batching,
    prepare: Prepare = prepare,
) -> list[Outcome]:
    """Take the files of one batch from their bytes to their outcomes, in one thread."""
    prepared = [prepare(item.file, model.spec.input) for item in batch]
    films = [film.content.pixels for film in prepared if isinstance(film.content, Pixels)]
    scores = iter(score(films, model.runtime, batching))
    return [
        _outcome(item, film, next(scores), decision)
        if isinstance(film.content, Pixels)
        else _failure(item, film, film.content)
        for item, film in zip(batch, prepared, strict=True)
    ]


def score(
    films: Sequence[NDArray[np.uint8]], runtime: Runtime, batching: Batching
) -> Sequence[float]:
    """Score the films of one batch, each of shape (H, W, C).

    The model is called with as many films as were tried, and with no other number of them: fewer
    are filled up where calls are padded, and else go one by one.

    Raises
    ------
    ModelError
        The runtime failed, or gave more or fewer probabilities than it got films.
    """
    if not films:
        return []
    pixels = np.stack(films)
    missing = max(0, batching.size - len(films))
    if missing and not batching.padded:
        return [_call(pixels[place : place + 1], runtime)[0] for place in range(len(films))]
    filling = np.zeros((missing, *pixels.shape[1:]), np.uint8)
    return _call(np.concatenate([pixels, filling]) if missing else pixels, runtime)[: len(films)]


def _call(pixels: NDArray[np.uint8], runtime: Runtime) -> list[float]:
    """Return a probability for each of the films, which are of shape (N, H, W, C)."""
    values = runtime.run(pixels)
    if len(values) != len(pixels):
        raise ModelInvalid(
            f"expected one probability a film, the model gave {len(values)} for {len(pixels)}"
        )
    return [float(value) for value in values]


def _outcome(item: ImageItem, film: Prepared, score: float, decision: Decision) -> Outcome:
    assert isinstance(film.content, Pixels)
    if not 0 <= score <= 1:  # NaN too
        error = InvalidScore(f"expected a probability from the model, came {score}")
        return _failure(item, film, error)
    return Prediction(
        path=item.path,
        sha256=film.sha256,
        source=film.content.source,
        probability=round_probability(score),
        threshold=decision.threshold,
        label=decision.label(score),
    )


def _failure(item: ImageItem, film: Prepared, error: ImageError) -> Failure:
    return Failure(item.path, film.sha256, error.reason, str(error), film.format, item.where)
