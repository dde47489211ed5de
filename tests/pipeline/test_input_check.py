"""Checks of an image that add flags."""

import numpy as np
import pytest
from fake_check import FakeCheck
from fakes import SAMPLES, FakeRuntime
from numpy.typing import NDArray

from cxr_edge.imaging.image import SourceFacts
from cxr_edge.models.model import Model
from cxr_edge.pipeline.classifier import Classifier
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.input_check import ShapeCheck
from cxr_edge.pipeline.outcome import Prediction
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.model_spec import ModelSpec


@pytest.mark.parametrize(
    ("height", "width", "target", "flags"),
    [
        (40, 60, (30, 30), []),
        (40, 60, (40, 60), []),
        (40, 60, (41, 60), ["small"]),
        (40, 60, (40, 61), ["small"]),
        (30, 60, (20, 20), []),
        (29, 60, (20, 20), ["stretched"]),
        (40, 19, (10, 10), ["stretched"]),
        (40, 19, (20, 20), ["small", "stretched"]),
        (40, 60, (160, 60), ["small"]),
        (40, 60, (161, 60), ["small", "tiny"]),
        (40, 60, (40, 241), ["small", "tiny"]),
    ],
)
def test_small_and_stretched_images_are_flagged(
    height: int, width: int, target: tuple[int, int], flags: list[str]
) -> None:
    """An image that is enlarged or distorted for the model says so, and no other does."""
    pixels = np.zeros((*target, 1), np.uint8)
    assert ShapeCheck().flags(pixels, SourceFacts(width, height, "png"), None) == flags


class Features(FakeRuntime):
    """The fake with features of each image."""

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        scores = super().run(pixels).scores
        return Outputs(scores, features=np.stack([scores, 1 - scores], axis=1))


def test_a_check_sees_the_image_and_its_features(spec: ModelSpec) -> None:
    """Any check can look at the model's input, the facts and the features, and flags the row."""
    check = FakeCheck(["lateral"])
    model = Model("0" * 64, "onnx", Features(spec))
    classifier = Classifier(model, Decision.of(spec), [check, ShapeCheck()])
    outcome = classifier.classify(SAMPLES / "phantom-normal.jpg")
    assert isinstance(outcome, Prediction)
    assert outcome.source.flags == ("lateral",)
    ((pixels, source, features),) = check.seen
    assert pixels.shape == spec.input.shape
    assert (source.width, source.height) == (512, 512)
    assert features is not None
    assert features[0] == pytest.approx(outcome.probability, abs=1e-6)


def test_a_flag_that_is_not_documented_is_an_error(model: Model) -> None:
    """A check cannot put words of its own into the report."""
    classifier = Classifier(model, Decision.of(model.spec), [FakeCheck(["blurred"])])
    with pytest.raises(ValueError, match="blurred"):
        classifier.classify(SAMPLES / "phantom-normal.jpg")
