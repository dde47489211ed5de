"""Prepared images to outcomes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ImageError, InvalidScore, ModelInvalid
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.pipeline.decision import Decision, round_probability
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.outcome import Failure, Outcome, Prediction
from cxr_edge.pipeline.prepare import Pixels, Prepare, Prepared, prepare
from cxr_edge.runtimes.base import Runtime


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
