"""A look inside the networks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from fakes import SAMPLES

from cxr_edge.errors import ModelInvalid
from cxr_edge.metrics.calibration import logit
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training.architectures import ARCHITECTURES
from cxr_edge.training.grad_cam import Explainer

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
