"""A look inside the networks."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import keras
import numpy as np
import pytest
from fakes import SAMPLES

from cxr_edge.errors import ModelInvalid
from cxr_edge.metrics.calibration import logit
from cxr_edge.pipeline.decision import Decision
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.training.architectures import ARCHITECTURES, build_network
from cxr_edge.training.grad_cam import Explainer
from cxr_export.keras_models.ending import with_outputs
from cxr_export.keras_models.explain import explainer
from cxr_export.keras_models.runtime import KerasRuntime

pytestmark = pytest.mark.slow

OFFLINE = [name for name in ARCHITECTURES if name != "mobilenet-v3-small"]


@pytest.mark.parametrize("name", OFFLINE)
def test_every_network_can_be_explained(name: str) -> None:
    """A map as large as the input, nowhere negative, and the network's own answer."""
    model = ARCHITECTURES[name](InputSpec(64, 48, 3))
    pixels = np.random.default_rng(0).integers(0, 256, (64, 48, 3), np.uint8)
    found = Explainer(model).explain(pixels)
    expected = float(np.asarray(model.predict_on_batch(pixels[np.newaxis]))[0, 0])
    assert found.heat.shape == (64, 48)
    assert found.heat.min() >= 0
    assert found.probability == pytest.approx(expected, abs=1e-4)
    assert found.logit == pytest.approx(float(logit(expected)), abs=2e-2)


def test_an_explanation_is_that_of_the_trained_network() -> None:
    """Statistics of the batch are neither used nor taken over, local contrast or not."""
    model = build_network("plain", InputSpec(64, 64), local_contrast=True)
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([np.random.default_rng(1).normal(0, 1, kernel.shape), bias])
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 1), np.uint8)
    expected = float(np.asarray(model.predict_on_batch(pixels[np.newaxis]))[0, 0])
    explain = Explainer(model).explain
    for _ in range(2):
        assert explain(pixels).probability == pytest.approx(expected, abs=1e-4)


def test_the_heat_is_where_the_evidence_is() -> None:
    """A network that knows bright places alone shows the bright place."""
    image = keras.Input((32, 32, 1), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(1, 1, use_bias=False)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(1, activation="sigmoid")(x))
    model.set_weights([np.ones((1, 1, 1, 1)), np.full((1, 1), 5.0), np.zeros(1)])
    pixels = np.zeros((32, 32, 1), np.uint8)
    pixels[4:8, 20:24] = 255
    found = Explainer(model).explain(pixels)
    assert found.heat[4:8, 20:24].sum() == pytest.approx(found.heat.sum())
    # Each place's share adds up to the logit.
    assert found.heat.sum() == pytest.approx(found.logit, rel=1e-4)
    assert found.evidence == pytest.approx(found.logit, rel=1e-4)


@pytest.mark.parametrize("name", ["edge", "plain", "efficientnet-lite0"])
def test_it_is_the_heat_map_of_the_model_itself(name: str, phantoms: ModuleType) -> None:
    """Where pooling ends a network, Grad-CAM is its map without bias, above zero, per place."""
    model = ARCHITECTURES[name](InputSpec(64, 96))
    rng = np.random.default_rng(0)
    kernel, _ = model.layers[-1].get_weights()
    model.layers[-1].set_weights([rng.normal(0, 1, kernel.shape), np.float32([0.3])])
    both = with_outputs(model)
    assert both is not None
    for number in range(3):
        drawn = phantoms.to_8_bits(phantoms.phantom(number, opacities=number, size=96))
        pixels = cv2.resize(drawn, (96, 64))[:, :, np.newaxis]
        values = np.asarray(both(pixels[np.newaxis])[1])[0] - 0.3
        shares = np.maximum(values, 0) / values.size
        wanted = cv2.resize(shares, (96, 64), interpolation=cv2.INTER_LINEAR)
        found = Explainer(model).explain(pixels)
        np.testing.assert_allclose(found.heat, wanted, atol=1e-4 * wanted.max())
        assert found.evidence == pytest.approx(shares.sum(), rel=1e-3)


def test_pictures_are_written_and_bad_files_named(
    cxr: Callable[..., Any], package: Path, tmp_path: Path
) -> None:
    """A picture an image, exit code 3 where some files could not be read."""
    words = ("explain", package, SAMPLES / "phantom-normal.jpg", "-o", tmp_path / "out")
    result = cxr(*words)
    assert result.exit_code == 0, result.output
    picture = tmp_path / "out" / "phantom-normal.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "p = 0." in result.output
    failed = cxr(*words, SAMPLES / "text.png")
    assert failed.exit_code == 3
    assert "text.png: not-an-image" in failed.output


def test_a_model_without_a_spec_is_explained_with_one(
    cxr: Callable[..., Any], package: Path, tmp_path: Path
) -> None:
    """The option that the error advises is there."""
    other = tmp_path / "other.keras"
    keras.saving.load_model(package / "model.keras", compile=False).save(other)
    words = ("explain", other, SAMPLES / "phantom-normal.jpg", "-o", tmp_path / "out")
    refused = cxr(*words)
    assert refused.exit_code == 1
    assert "--spec" in refused.output
    assert cxr(*words, "--spec", package / "spec.json").exit_code == 0


def test_a_package_without_its_original_is_told(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """Explanations are made from the Keras model."""
    result = cxr("explain", tmp_path, SAMPLES / "phantom-normal.jpg")
    assert result.exit_code == 1
    assert "expected model.keras" in result.output


def test_a_network_of_another_end_is_refused() -> None:
    """In words, not by an AttributeError."""
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, keras.layers.Activation("sigmoid")(keras.layers.Flatten()(image)))
    with pytest.raises(ModelInvalid, match="dense layer of one unit"):
        Explainer(model)


@pytest.mark.parametrize("name", ["edge", "cnn-pooled"])
def test_a_picture_shows_the_map_or_grad_cam(name: str) -> None:
    """The network's own map where there is one, above the threshold; Grad-CAM otherwise."""
    spec = ModelSpec(
        "net", ("NORMAL", "SICK"), InputSpec(64, 64), (OperatingPoint("study", 0.6),), "study"
    )
    model = ARCHITECTURES[name](spec.input)
    original = KerasRuntime(model, spec, maps=True)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 1), np.uint8)
    seen = explainer(original, Decision.of(spec))(pixels)
    outputs = original.run(pixels[np.newaxis])
    assert seen.probability == pytest.approx(float(outputs.scores[0]), abs=1e-5)
    assert seen.logit == pytest.approx(float(logit(outputs.scores[0])), abs=1e-3)
    assert seen.heat.label == "SICK"
    if outputs.maps is None:
        assert "share of the logit" in seen.heat.unit
        assert seen.heat.values.shape == (64, 64)
    else:
        assert "threshold" in seen.heat.unit
        np.testing.assert_allclose(seen.heat.values, outputs.maps[0] - logit(0.6), atol=1e-5)
