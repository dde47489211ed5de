"""Items to outcomes."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType

import cv2
import pytest
from fake_engine import FakeEngine
from fakes import SAMPLES, FakeRuntime

from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.models.open import open_artefact
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.discover import ImageItem, discover
from cxr_edge.pipeline.outcome import Failure, Outcome, Prediction
from cxr_edge.pipeline.scan import scan
from cxr_edge.pipeline.thread_engine import AHEAD, ThreadEngine


def run(model: Model, batching: Batching | None = None, workers: int = 2) -> list[Outcome]:
    batches = scan(
        discover([SAMPLES]),
        model,
        Decision.of(model.spec),
        batching=batching or Batching(4),
        engine=ThreadEngine(workers),
    )
    return [outcome for batch in batches for outcome in batch]


def test_every_item_has_one_outcome_in_order(model: Model) -> None:
    """Failed files keep their place among the others."""
    outcomes = run(model)
    assert [outcome.path for outcome in outcomes] == [item.path for item in discover([SAMPLES])]
    failed = {o.path: o.reason for o in outcomes if isinstance(o, Failure)}
    assert failed == {"text.png": "not-an-image", "truncated.jpg": "truncated"}


def test_what_cannot_be_read_is_not_scored(model: Model) -> None:
    """A batch becomes one call if all of it are images, else one an image, or none."""
    run(model, Batching(4), workers=1)
    assert isinstance(model.runtime, FakeRuntime)
    assert model.runtime.batches == [4, 1, 1, 1]  # the third batch has failed files only


def test_on_a_device_every_call_has_the_same_shape(model: Model) -> None:
    """A short batch is filled up, and what fills it gets no row."""
    outcomes = run(model, Batching(4, padded=True), workers=1)
    assert isinstance(model.runtime, FakeRuntime)
    assert model.runtime.batches == [4, 4]
    assert outcomes == run(model, Batching(1))


@pytest.mark.slow
@pytest.mark.parametrize(("batch_size", "workers"), [(1, 1), (2, 3), (7, 2), (32, 1)])
def test_a_batch_equals_one_by_one(batch_size: int, workers: int) -> None:
    """The embedded model's outcomes do not depend on company, workers or threads."""
    alone = run(open_artefact(runtime="onnx", threads=1), Batching(1), 1)
    for threads in (1, 3):
        model = open_artefact(runtime="onnx", threads=threads)
        assert run(model, Batching(batch_size), workers) == alone


def test_a_scan_streams(model: Model, tmp_path: Path, phantoms: ModuleType) -> None:
    """However many items there are, only a window of them is taken ahead of the results."""
    image = tmp_path / "film.png"
    cv2.imwrite(str(image), phantoms.to_8_bits(phantoms.phantom(0, opacities=0, size=64)))
    taken = 0

    def endless() -> Iterator[ImageItem]:
        nonlocal taken
        while True:
            taken += 1
            yield ImageItem(f"{taken:09}", str(image))

    engine = ThreadEngine(2)
    batches = list(
        islice(
            scan(endless(), model, Decision.of(model.spec), batching=Batching(4), engine=engine), 5
        )
    )
    assert sum(len(batch) for batch in batches) == 20
    assert taken <= 20 + 2 * 4 * AHEAD + 4


def test_images_of_every_format_score_alike() -> None:
    """8 and 16 bits, and both DICOM polarities, of one image agree with the embedded model."""
    outcomes = {o.path: o for o in run(open_artefact())}
    scores = {
        kind: outcome.probability
        for kind in ("8bit.png", "16bit.png", "monochrome1.dcm", "monochrome2.dcm")
        if isinstance(outcome := outcomes[f"phantom-opacities-{kind}"], Prediction)
    }
    assert scores["16bit.png"] == scores["8bit.png"]
    assert scores["monochrome1.dcm"] == scores["monochrome2.dcm"]
    assert scores["monochrome2.dcm"] == pytest.approx(scores["8bit.png"], abs=0.02)


def test_any_engine_can_do_the_work(model: Model) -> None:
    """The outcomes do not depend on where the batches are worked on, and each goes there once."""
    engine = FakeEngine()
    batches = scan(
        discover([SAMPLES]), model, Decision.of(model.spec), batching=Batching(4), engine=engine
    )
    assert [outcome for batch in batches for outcome in batch] == run(model)
    assert [len(batch) for batch in engine.items if isinstance(batch, list)] == [4, 4, 1]
