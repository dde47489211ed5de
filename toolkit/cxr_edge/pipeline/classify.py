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
    images = [image.content.pixels for image in prepared if isinstance(image.content, Pixels)]
    scores = iter(score(images, model.runtime, batching))
    return [
        _outcome(item, image, next(scores), decision)
        if isinstance(image.content, Pixels)
        else _failure(item, image, image.content)
        for item, image in zip(batch, prepared, strict=True)
    ]


def score(
    images: Sequence[NDArray[np.uint8]], runtime: Runtime, batching: Batching
) -> Sequence[float]:
    """Score the images of one batch, each of shape (H, W, C).

    The model is called with as many images as were tried, and with no other number of them: fewer
    are filled up where calls are padded, and else go one by one.

    Raises
    ------
    ModelError
        The runtime failed, or gave more or fewer probabilities than it got images.
    """
    if not images:
        return []
    pixels = np.stack(images)
    missing = max(0, batching.size - len(images))
    if missing and not batching.padded:
        return [_call(pixels[place : place + 1], runtime)[0] for place in range(len(images))]
    filling = np.zeros((missing, *pixels.shape[1:]), np.uint8)
    return _call(np.concatenate([pixels, filling]) if missing else pixels, runtime)[: len(images)]


def _call(pixels: NDArray[np.uint8], runtime: Runtime) -> list[float]:
    """Return a probability for each of the images, which are of shape (N, H, W, C)."""
    values = runtime.run(pixels).scores
    if len(values) != len(pixels):
        raise ModelInvalid(
            f"expected one probability an image, the model gave {len(values)} for {len(pixels)}"
        )
    return [float(value) for value in values]


def _outcome(item: ImageItem, image: Prepared, score: float, decision: Decision) -> Outcome:
    assert isinstance(image.content, Pixels)
    if not 0 <= score <= 1:  # NaN too
        error = InvalidScore(f"expected a probability from the model, got {score}")
        return _failure(item, image, error)
    return Prediction(
        path=item.path,
        sha256=image.sha256,
        source=image.content.source,
        probability=round_probability(score),
        threshold=decision.threshold,
        label=decision.label(score),
    )


def _failure(item: ImageItem, image: Prepared, error: ImageError) -> Failure:
    return Failure(item.path, image.sha256, error.reason, str(error), image.format, item.where)
