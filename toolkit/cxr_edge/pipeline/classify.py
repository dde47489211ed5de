"""Prepared images to outcomes: one call of the model, the input checks, the decision."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ImageError, InvalidScore, ModelInvalid, RefusedInput
from cxr_edge.imaging.image import VERDICTS, SourceFacts
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.pipeline.decision import Decision, round_probability
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.input_check import CHECKS, InputCheck
from cxr_edge.pipeline.outcome import Outcome, Prediction
from cxr_edge.pipeline.prepare import Pixels, Prepare, Prepared, failure, prepare
from cxr_edge.runtimes.base import Outputs, Runtime
from cxr_edge.runtimes.batches import run_in_batches

Draw: TypeAlias = Callable[[Prediction, NDArray[np.uint8], NDArray[np.float32]], None]
"""Function that draws the heat map of an image that was scored, and raises nothing.

It gets the image as it is shown, gray of shape (rows, columns), and its map, shape (h, w). Workers
call it side by side."""


def classify(
    batch: Sequence[ImageItem],
    model: Model,
    decision: Decision,
    batching: Batching,
    checks: Sequence[InputCheck] = CHECKS,
    prepare: Prepare = prepare,
    draw: Draw | None = None,
) -> list[Outcome]:
    """Take the files of one batch from their bytes to their outcomes, in one thread."""
    files = [(item, prepare(item.where, model.spec.input, item.storage)) for item in batch]
    return judge(files, model, decision, batching, checks, draw)


def judge(
    files: Sequence[tuple[ImageItem, Prepared]],
    model: Model,
    decision: Decision,
    batching: Batching,
    checks: Sequence[InputCheck] = CHECKS,
    draw: Draw | None = None,
) -> list[Outcome]:
    """Return the outcomes of files that were prepared, in their order."""
    outcomes: dict[int, Outcome] = {}
    images: list[tuple[int, ImageItem, Prepared, Pixels]] = []
    for place, (item, prepared) in enumerate(files):
        if isinstance(prepared.content, ImageError):
            outcomes[place] = failure(item, prepared, prepared.content)
        else:
            images.append((place, item, prepared, prepared.content))
    if images:
        outputs = score([image.pixels for *_, image in images], model.runtime, batching)
        for row, (place, item, prepared, image) in enumerate(images):
            probability = float(outputs.scores[row])
            if not 0 <= probability <= 1:  # NaN too
                error = InvalidScore(f"expected a probability from the model, got {probability}")
                outcomes[place] = failure(item, prepared, error)
                continue
            features = None if outputs.features is None else outputs.features[row]
            flags = [
                flag
                for check in checks
                for flag in check.flags(image.pixels, image.source, features)
            ]
            source = image.source.with_flags(flags)
            if decision.refuses(source.flags):
                outcomes[place] = failure(item, prepared, _refused(source))
                continue
            prediction = Prediction(
                path=item.path,
                sha256=prepared.sha256,
                source=source,
                probability=round_probability(probability),
                threshold=decision.threshold,
                label=decision.label(probability, source.flags),
            )
            outcomes[place] = prediction
            if draw and outputs.maps is not None and image.shown is not None:
                draw(prediction, image.shown, outputs.maps[row])
    return [outcomes[place] for place in range(len(files))]


def _refused(source: SourceFacts) -> RefusedInput:
    """Return the error of an image that the input check says should not be scored."""
    found = ", ".join(flag for flag in source.flags if flag in VERDICTS)
    return RefusedInput(
        f"expected a frontal chest X-ray that the model can judge, the input check found {found}"
    )


def score(images: Sequence[NDArray[np.uint8]], runtime: Runtime, batching: Batching) -> Outputs:
    """Score the images of one batch, at least one, each of shape (H, W, C).

    The model is called only with the number of images that was tried: a smaller batch is filled up
    where calls are padded, and otherwise goes one by one.

    Raises
    ------
    ModelError
        The runtime failed, or answered for more or fewer images than it got.
    """
    pixels = np.stack(images)
    missing = max(0, batching.size - len(images))
    if missing and batching.padded:
        pixels = np.concatenate([pixels, np.zeros((missing, *pixels.shape[1:]), np.uint8)])
    outputs = run_in_batches(runtime, pixels, batching.size if len(pixels) >= batching.size else 1)
    if len(outputs) != len(pixels):
        raise ModelInvalid(
            f"expected one probability per image, the model gave {len(outputs)} for {len(pixels)}"
        )
    return outputs
