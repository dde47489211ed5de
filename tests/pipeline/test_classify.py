"""Prepared images to outcomes."""

import numpy as np
import pytest
from fakes import SAMPLES, FakeRuntime
from numpy.typing import NDArray

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.pipeline.classify import classify, score
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.discover import discover
from cxr_edge.pipeline.outcome import Failure, Outcome
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.model_spec import ModelSpec


def of_samples(model: Model, batching: Batching) -> list[Outcome]:
    return classify(list(discover([SAMPLES])), model, Decision.of(model.spec), batching)


def test_failed_files_keep_their_place(model: Model) -> None:
    """Each file has one outcome, in order, whatever became of those before it."""
    outcomes = of_samples(model, Batching(9))
    assert [outcome.path for outcome in outcomes] == [item.path for item in discover([SAMPLES])]
    assert {o.path for o in outcomes if isinstance(o, Failure)} == {"text.png", "truncated.jpg"}


class Sevens(FakeRuntime):
    """Rounds otherwise in calls of seven."""

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        given = super().run(pixels)
        return Outputs(given.scores + np.float32(0.01)) if len(pixels) == 7 else given


def test_a_batch_that_was_not_tried_is_never_used(spec: ModelSpec) -> None:
    """Where nine images can be read in one call, the seven of a batch go one by one."""
    model = Model("0" * 64, "onnx", Sevens(spec))
    assert of_samples(model, Batching(9)) == of_samples(model, Batching(1))


class Answers:
    """A runtime that gives a fixed answer."""

    provider = "FakeProvider"
    why = "there is no other"

    def __init__(self, spec: ModelSpec, answer: list[float]) -> None:
        self.spec = spec
        self.answer = answer

    def run(self, _pixels: NDArray[np.uint8]) -> Outputs:
        return Outputs(np.array(self.answer, np.float32))


@pytest.mark.parametrize("score", [float("nan"), -0.1, 1.5, float("inf")])
def test_a_score_that_is_no_probability_fails_its_row(spec: ModelSpec, score: float) -> None:
    """It is never printed as a number."""
    model = Model("0" * 64, "onnx", Answers(spec, [score]))
    (outcome,) = one(model)
    assert isinstance(outcome, Failure)
    assert outcome.reason == "invalid-score"


def test_a_model_that_gives_too_few_scores_is_refused(spec: ModelSpec) -> None:
    """No probability is given to the wrong image."""
    with pytest.raises(ModelInvalid, match="gave 2 for 1"):
        one(Model("0" * 64, "onnx", Answers(spec, [0.1, 0.2])))


def one(model: Model) -> list[Outcome]:
    items = list(discover([SAMPLES / "phantom-normal.jpg"]))
    return classify(items, model, Decision.of(model.spec), Batching())


@pytest.mark.parametrize(
    ("images", "batching", "calls"),
    [
        (4, Batching(4), [4]),
        (3, Batching(4), [1, 1, 1]),
        (3, Batching(4, padded=True), [4]),
        (1, Batching(1), [1]),
    ],
)
def test_the_model_is_called_with_what_was_tried(
    spec: ModelSpec, images: int, batching: Batching, calls: list[int]
) -> None:
    """A full batch is one call; a short one is filled up on a device, else scored one by one."""
    runtime = FakeRuntime(spec)
    pixels = np.random.default_rng(0).integers(0, 256, (images, *spec.input.shape), np.uint8)
    outputs = score(list(pixels), runtime, batching)
    assert runtime.batches == calls
    np.testing.assert_array_equal(outputs.scores[:images], FakeRuntime(spec).run(pixels).scores)
