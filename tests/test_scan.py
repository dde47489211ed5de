"""Items to outcomes."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.discover import ImageItem, discover
from cxr_edge.errors import ModelInvalid
from cxr_edge.model import Model, open_model
from cxr_edge.outcome import Decision, Failure, Outcome, Prediction
from cxr_edge.runtimes import Scores
from cxr_edge.scan import scan
from cxr_edge.spec import ModelSpec
from fakes import SAMPLES, FakeRuntime


def run(model: Model, batch_size: int = 4, workers: int | None = None) -> list[Outcome]:
    batches = scan(
        discover([SAMPLES]), model, Decision.of(model.spec), batch_size=batch_size, workers=workers
    )
    return [outcome for batch in batches for outcome in batch]


def test_every_item_has_one_outcome_in_order(model: Model) -> None:
    """Failed files keep their place among the others."""
    outcomes = run(model)
    assert [outcome.path for outcome in outcomes] == [item.path for item in discover([SAMPLES])]
    failed = {o.path: o.reason for o in outcomes if isinstance(o, Failure)}
    assert failed == {"text.png": "not-an-image", "truncated.jpg": "truncated"}


def test_batches_count_failed_files(model: Model) -> None:
    """A batch holds the same files whatever fails, so that a continued scan repeats it."""
    run(model, batch_size=4)
    assert isinstance(model.runtime, FakeRuntime)
    assert model.runtime.batches == [4, 3]  # the third batch has failed files only


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 1), (2, 3), (7, 2), (32, 1)])
def test_a_batch_equals_one_by_one(batch_size: int, workers: int) -> None:
    """The embedded model's probabilities do not depend on company or threads beyond 1e-6."""
    model = open_model()
    alone = [o.probability for o in run(model, 1, 1) if isinstance(o, Prediction)]
    together = [o.probability for o in run(model, batch_size, workers) if isinstance(o, Prediction)]
    assert together == pytest.approx(alone, abs=1e-6)


def test_a_scan_streams(model: Model, tmp_path: Path, phantoms: ModuleType) -> None:
    """However many items there are, only a window of them is taken ahead of the results."""
    film = tmp_path / "film.png"
    cv2.imwrite(str(film), phantoms.to_8_bits(phantoms.phantom(0, opacities=0, size=64)))
    taken = 0

    def endless() -> Iterator[ImageItem]:
        nonlocal taken
        while True:
            taken += 1
            yield ImageItem(f"{taken:09}", str(film))

    batches = list(islice(scan(endless(), model, Decision.of(model.spec), batch_size=4), 5))
    assert sum(len(batch) for batch in batches) == 20
    assert taken <= 20 + 2 * 4 + 1


class Answers:
    """A runtime that gives a fixed answer."""

    provider = "FakeProvider"

    def __init__(self, spec: ModelSpec, answer: list[float]) -> None:
        self.spec = spec
        self.answer = answer

    def run(self, _pixels: NDArray[np.uint8]) -> Scores:
        return np.array(self.answer, np.float32)


@pytest.mark.parametrize("score", [float("nan"), -0.1, 1.5, float("inf")])
def test_a_score_that_is_no_probability_fails_its_row(spec: ModelSpec, score: float) -> None:
    """It is never printed as a number."""
    model = Model("0" * 64, "onnx", Answers(spec, [score]))
    (outcome,) = run_one(model)
    assert isinstance(outcome, Failure)
    assert outcome.reason == "invalid-score"


def test_a_model_that_gives_too_few_scores_is_refused(spec: ModelSpec) -> None:
    """No probability is given to the wrong film."""
    with pytest.raises(ModelInvalid, match="gave 2 for 1"):
        run_one(Model("0" * 64, "onnx", Answers(spec, [0.1, 0.2])))


def run_one(model: Model) -> list[Outcome]:
    items = discover([SAMPLES / "phantom-normal.jpg"])
    return next(scan(items, model, Decision.of(model.spec), batch_size=1))


def test_labels_follow_the_printed_probability(spec: ModelSpec) -> None:
    """A probability printed as the threshold is positive, whatever its seventh decimal."""
    decision = Decision.of(spec, threshold=0.3)
    assert decision.label(0.29999999) == "PNEUMONIA"
    assert decision.label(0.2999994) == "NORMAL"


def test_films_of_every_format_score_alike() -> None:
    """8 and 16 bits, and both DICOM polarities, of one film agree with the embedded model."""
    outcomes = {o.path: o for o in run(open_model())}
    scores = {
        kind: outcome.probability
        for kind in ("8bit.png", "16bit.png", "monochrome1.dcm", "monochrome2.dcm")
        if isinstance(outcome := outcomes[f"phantom-opacities-{kind}"], Prediction)
    }
    assert scores["16bit.png"] == scores["8bit.png"]
    assert scores["monochrome1.dcm"] == scores["monochrome2.dcm"]
    assert scores["monochrome2.dcm"] == pytest.approx(scores["8bit.png"], abs=0.02)
