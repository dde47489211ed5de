"""START HERE. Items to outcomes: the whole pipeline, as a stream.

::

    discover -> prepare (threads: read, hash, decode, preprocess) -> Runtime.run -> Outcome

Outcomes come in the order of the items, one for each; nothing but one window of films is in
memory.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Final

import numpy as np

from cxr_edge.discover import ImageItem
from cxr_edge.errors import ImageError, InvalidScore, ModelInvalid
from cxr_edge.machine import usable_cpus
from cxr_edge.model import Model
from cxr_edge.outcome import Decision, Failure, Outcome, Prediction, round_probability
from cxr_edge.prepare import Pixels, Prepared, prepare
from cxr_edge.runtimes import Runtime
from cxr_edge.spec import InputSpec

DEFAULT_BATCH_SIZE: Final = 16
"""Files a batch."""


def scan(
    items: Iterable[ImageItem],
    model: Model,
    decision: Decision,
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    workers: int | None = None,
) -> Iterator[list[Outcome]]:
    """Classify files.

    Parameters
    ----------
    items
        What to classify; consumed lazily.
    model
        With what.
    decision
        How a probability becomes a label.
    batch_size
        Files a batch, failed ones included, so that the same items are always scored in the
        same company.
    workers
        Decoding threads; as many as usable CPUs by default.

    Yields
    ------
    list of Outcome
        One batch, in the order of the items, one outcome an item.

    Raises
    ------
    ModelError
        The runtime failed. What is wrong with a file is an outcome, never an error.
    """
    prepared = prepare_all(items, model.spec.input, ahead=2 * batch_size, workers=workers)
    while batch := list(islice(prepared, batch_size)):
        yield _classify(batch, model.runtime, decision)


def prepare_all(
    items: Iterable[ImageItem], spec: InputSpec, *, ahead: int, workers: int | None = None
) -> Iterator[tuple[ImageItem, Prepared]]:
    """Read, decode and preprocess files in threads, at most ``ahead`` of what is consumed.

    Yields
    ------
    tuple
        Each item with what became of it, in the order of the items.
    """
    pool = ThreadPoolExecutor(workers or usable_cpus(), thread_name_prefix="prepare")
    window: deque[tuple[ImageItem, Future[Prepared]]] = deque()
    try:
        for item in items:
            window.append((item, pool.submit(prepare, item.file, spec)))
            if len(window) > ahead:
                first, future = window.popleft()
                yield first, future.result()
        for first, future in window:
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _classify(
    batch: list[tuple[ImageItem, Prepared]], runtime: Runtime, decision: Decision
) -> list[Outcome]:
    films = [film.content.pixels for _, film in batch if isinstance(film.content, Pixels)]
    values = runtime.run(np.stack(films)).tolist() if films else []
    if len(values) != len(films):
        raise ModelInvalid(
            f"expected one probability a film, the model gave {len(values)} for {len(films)}"
        )
    scores = iter(values)
    return [
        _outcome(item, film, next(scores), decision)
        if isinstance(film.content, Pixels)
        else _failure(item, film, film.content)
        for item, film in batch
    ]


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
    return Failure(item.path, film.sha256, error.reason, str(error), film.format)
