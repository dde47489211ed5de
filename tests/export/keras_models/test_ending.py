"""Heat maps and features: what a network's own ending says of each place, and is given."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.training.architectures import build_network
from cxr_export.keras_models.ending import with_outputs
from cxr_export.keras_models.runtime import KerasRuntime
from cxr_export.keras_models.wrap import single_probability

SPEC = ModelSpec(
    "net", ("NORMAL", "PNEUMONIA"), InputSpec(64, 96), (OperatingPoint("study", 0.5),), "study"
)
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 64, 96, 1), np.uint8)


def logits(probabilities: np.ndarray) -> np.ndarray:
    return np.log(probabilities / (1 - probabilities))


def spread(model: keras.Model) -> keras.Model:
    """Give a fresh network large last weights, so that places differ."""
    kernel, bias = model.layers[-1].get_weights()
    rng = np.random.default_rng(1)
    model.layers[-1].set_weights([rng.normal(0, 1, kernel.shape), bias + 0.7])
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", ["edge", "plain", "efficientnet-lite0"])
def test_the_mean_of_a_map_is_the_logit(name: str) -> None:
    """Of every architecture that ends in pooling: bias included, for each image."""
    model = spread(build_network(name, SPEC.input))
    outputs = KerasRuntime(model, SPEC, maps=True).run(PIXELS)
    assert outputs.maps is not None
    assert outputs.maps.shape == (3, 2, 3)
    assert np.ptp(outputs.maps) > 0.01
    np.testing.assert_allclose(outputs.maps.mean((1, 2)), logits(outputs.scores), atol=1e-3)
    alone = KerasRuntime(model, SPEC).run(PIXELS)
    assert alone.maps is None
    np.testing.assert_allclose(outputs.scores, alone.scores, atol=1e-6)


def small(*ending: layers.Layer) -> keras.Model:
    image = keras.Input(SPEC.input.shape, dtype="uint8")
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(4, 3, 16, padding="same", activation="relu")(x)
    for layer in ending:
        x = layer(x)
    return keras.Model(image, x)


def test_a_map_is_what_the_dense_layer_says_of_one_place() -> None:
    """The map of a place is the logit of an image whose last feature map is that place alone."""
    model = spread(small(layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid")))
    both = with_outputs(model)
    assert both is not None
    features = keras.Model(model.inputs[0], model.layers[-3].output)(PIXELS)
    kernel, bias = model.layers[-1].get_weights()
    wanted = np.asarray(features) @ kernel[:, 0] + bias
    np.testing.assert_allclose(np.asarray(both(PIXELS)[1]), wanted, atol=1e-5)
    pooled = np.asarray(features).mean((1, 2))
    np.testing.assert_allclose(np.asarray(both(PIXELS)[2]), pooled, atol=1e-5)


@pytest.mark.parametrize("name", ["edge", "twin"])
def test_features_are_what_the_last_layer_is_given(name: str) -> None:
    """The probability follows from them, also where two towers are pooled together."""
    model = spread(build_network(name, SPEC.input))
    outputs = KerasRuntime(model, SPEC, features=True).run(PIXELS)
    assert outputs.maps is None
    assert outputs.features is not None
    kernel, bias = model.layers[-1].get_weights()
    wanted = outputs.features @ kernel[:, 0] + bias
    np.testing.assert_allclose(outputs.scores, 1 / (1 + np.exp(-wanted)), atol=1e-5)


def test_dropout_and_no_bias_are_no_obstacle() -> None:
    """Both are found before the pooling, as a network may have them."""
    model = small(
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.5),
        layers.Dropout(0.1),
        layers.Dense(1, activation="sigmoid", use_bias=False),
    )
    outputs = KerasRuntime(model, SPEC, maps=True).run(PIXELS)
    assert outputs.maps is not None
    np.testing.assert_allclose(outputs.maps.mean((1, 2)), logits(outputs.scores), atol=1e-5)


def test_a_sequential_network_has_one_too() -> None:
    """Keras keeps its graph like that of any other."""
    model = keras.Sequential(
        [
            keras.Input(SPEC.input.shape, dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, 16),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    outputs = KerasRuntime(model, SPEC, maps=True).run(PIXELS)
    assert outputs.maps is not None
    np.testing.assert_allclose(outputs.maps.mean((1, 2)), logits(outputs.scores), atol=1e-5)


@pytest.mark.parametrize(
    "ending",
    [
        (layers.Flatten, lambda: layers.Dense(1, activation="sigmoid")),
        (layers.GlobalMaxPooling2D, lambda: layers.Dense(1, activation="sigmoid")),
        (
            layers.GlobalAveragePooling2D,
            lambda: layers.Dense(3, activation="relu"),
            lambda: layers.Dense(1, activation="sigmoid"),
        ),
        (layers.GlobalAveragePooling2D, lambda: layers.Dense(2, activation="softmax")),
    ],
)
def test_another_ending_has_neither(ending: tuple[type[layers.Layer], ...]) -> None:
    """It gives scores as ever, and nothing that would pass for a map or for features."""
    model = small(*(make() for make in ending))
    assert with_outputs(model) is None
    outputs = KerasRuntime(model, SPEC, maps=True, features=True).run(PIXELS)
    assert outputs.maps is None
    assert outputs.features is None


def test_a_network_of_floats_keeps_both_when_it_is_wrapped() -> None:
    """What is exported scales pixels first, and gives what the network inside gives."""
    image = keras.Input(SPEC.input.shape)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, 16)(image))
    model = keras.Model(image, layers.Dense(1, activation="sigmoid")(x))
    spec = replace(SPEC, input=replace(SPEC.input, scale=1 / 255, offset=-0.5))
    original = KerasRuntime(model, spec, maps=True, features=True)
    wrapped, exported = single_probability(original)
    assert wrapped is not model
    expected = original.run(PIXELS)
    outputs = KerasRuntime(wrapped, exported, maps=True, features=True).run(PIXELS)
    assert outputs.maps is not None
    assert outputs.features is not None
    assert expected.maps is not None
    assert expected.features is not None
    np.testing.assert_allclose(outputs.features, expected.features, atol=1e-5)
    np.testing.assert_allclose(outputs.maps, expected.maps, atol=1e-5)
    np.testing.assert_allclose(outputs.scores, expected.scores, atol=1e-6)
