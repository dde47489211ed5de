"""One image to its outcome."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import SAMPLES, FakeRuntime

from cxr_edge.errors import UsageError
from cxr_edge.models.batch_size import Batching
from cxr_edge.models.model import Model
from cxr_edge.models.open import open_artefact
from cxr_edge.pipeline.classifier import Classifier
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.discover import discover
from cxr_edge.pipeline.outcome import Failure, Prediction
from cxr_edge.pipeline.scan import scan

IMAGE = SAMPLES / "phantom-opacities-8bit.png"


@pytest.fixture
def classifier(model: Model) -> Classifier:
    return Classifier(model, Decision.of(model.spec))


def test_a_lone_file_has_the_outcome_of_a_scan() -> None:
    """Every sample, failed ones too, is classified as a scan of the folder does it."""
    model = open_artefact()
    decision = Decision.of(model.spec)
    classifier = Classifier(model, decision)
    scanned = [o for batch in scan(discover([SAMPLES]), model, decision) for o in batch]
    for expected in scanned:
        found = classifier.classify(SAMPLES / expected.path)
        assert type(found) is type(expected)
        assert found.sha256 == expected.sha256
        if isinstance(found, Prediction) and isinstance(expected, Prediction):
            assert (found.probability, found.label) == (expected.probability, expected.label)
            assert found.source == expected.source
        elif isinstance(found, Failure) and isinstance(expected, Failure):
            assert (found.reason, found.format) == (expected.reason, expected.format)


def test_path_bytes_and_pixels_agree(classifier: Classifier) -> None:
    """One image has one probability, however it is handed over."""
    data = IMAGE.read_bytes()
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    of_path, of_text, of_bytes, of_pixels = (
        classifier.classify(source) for source in (IMAGE, str(IMAGE), data, pixels)
    )
    assert of_path == of_text
    digest = hashlib.sha256(data).hexdigest()
    found = [of_path, of_bytes, of_pixels]
    assert [one.path for one in found] == [str(IMAGE), "", ""]
    assert [one.sha256 for one in found] == [digest, digest, ""]
    assert all(isinstance(one, Prediction) for one in found)
    assert len({one.probability for one in found if isinstance(one, Prediction)}) == 1


def test_color_pixels_are_gray_to_the_model(classifier: Classifier) -> None:
    """Three equal channels are the gray image."""
    pixels = cv2.imread(str(IMAGE), cv2.IMREAD_GRAYSCALE)
    gray, color = classifier.classify(pixels), classifier.classify(np.dstack([pixels] * 3))
    assert isinstance(gray, Prediction)
    assert isinstance(color, Prediction)
    assert color.probability == gray.probability
    assert color.source.flags == gray.source.flags


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (SAMPLES / "none.png", "unreadable"),
        (SAMPLES / "text.png", "not-an-image"),
        (b"", "empty-file"),
        (np.zeros((9, 9), np.uint8), "constant-image"),
    ],
)
def test_a_bad_image_is_a_failure(
    classifier: Classifier, source: Path | bytes | np.ndarray, reason: str
) -> None:
    """Nothing about an image is raised: the outcome says what is wrong."""
    outcome = classifier.classify(source)
    assert isinstance(outcome, Failure)
    assert outcome.reason == reason


def test_wrong_pixels_are_a_mistake_of_the_caller(classifier: Classifier) -> None:
    """An array that cannot be an image is refused, not reported as a bad image."""
    with pytest.raises(UsageError, match="got float64"):
        classifier.classify(np.eye(9))


@pytest.mark.parametrize("source", [None, 7, ["a.jpg"], np.uint8(7)])
def test_what_is_no_source_is_a_mistake_of_the_caller(
    classifier: Classifier, source: object
) -> None:
    """The message says what is taken and what was given."""
    with pytest.raises(UsageError, match="expected the path of an image, its bytes or an array"):
        classifier.classify(source)  # type: ignore[arg-type]


def test_bytes_in_any_container_are_the_bytes_of_a_file(classifier: Classifier) -> None:
    """A buffer of a download is as good as bytes."""
    data = IMAGE.read_bytes()
    for source in (bytearray(data), memoryview(data)):
        assert classifier.classify(source) == classifier.classify(data)


def test_a_lone_image_keeps_the_shape_of_calls(model: Model) -> None:
    """On a device the call has the size of a scan's, so that the probability is a scan's."""
    batching = Batching(4, padded=True)
    Classifier(model, Decision.of(model.spec), batching=batching).classify(IMAGE)
    assert isinstance(model.runtime, FakeRuntime)
    assert model.runtime.batches == [4]
