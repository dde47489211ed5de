"""The networks."""

from pathlib import Path

import keras
import numpy as np
import pytest

from cxr_edge.errors import UsageError
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training.architectures import ARCHITECTURES, build_network
from cxr_edge.training.config import NORMALIZING, FitConfig

STUDY = {"dense": 19_267_841, "dense-deep": 9_642_241, "cnn": 1_616_609, "cnn-pooled": 23_981_249}
"""Parameters at 224 x 224 x 3 as the study of 2021 printed them."""

OURS = {"edge": 708_881, "plain": 849_401, "twin": 1_297_041, "efficientnet-lite0": 3_413_729}
"""At 224 x 224 x 1; fixed, so that a saved model's card stays true."""

OFFLINE = [*STUDY, *OURS]


@pytest.mark.slow
@pytest.mark.parametrize("name", OFFLINE)
def test_the_parameters_are_counted(name: str) -> None:
    """The study's networks are the study's; a changed network is a new architecture."""
    channels, expected = (3, STUDY[name]) if name in STUDY else (1, OURS[name])
    assert ARCHITECTURES[name](InputSpec(channels=channels)).count_params() == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", OFFLINE)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_network_takes_bytes_and_gives_a_probability(name: str, channels: int) -> None:
    """uint8 (N, H, W, C) in, float32 (N, 1) out; scaling is inside."""
    model = ARCHITECTURES[name](InputSpec(64, 48, channels))
    assert model.inputs[0].dtype == "uint8"
    assert model.layers[-1].name == "probability"
    scores = np.asarray(model.predict_on_batch(np.full((2, 64, 48, channels), 255, np.uint8)))
    assert scores.shape == (2, 1)
    assert ((scores > 0) & (scores < 1)).all()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "joint"), [("edge", "Add"), ("plain", "MaxPooling2D")])
def test_our_own_networks_are_small_and_plain(name: str, joint: str) -> None:
    """At most 1.5 million parameters and no depthwise convolution."""
    model = ARCHITECTURES[name](InputSpec(64, 48, 3))
    assert model.count_params() <= 1_500_000
    assert {type(layer).__name__ for layer in model.layers} == {
        "InputLayer", "Rescaling", "Conv2D", "BatchNormalization", "ReLU", joint,
        "GlobalAveragePooling2D", "Dropout", "Dense",
    }  # fmt: skip


@pytest.mark.slow
def test_twin_towers_do_without_each_other() -> None:
    """In training each is left out for some images, whole, and in use neither is."""
    model = build_network("twin", InputSpec(64, 48))
    both = keras.Model(model.inputs[0], model.get_layer("both").output)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 48, 1)).astype(np.uint8)
    for training in (True, False):
        maps = np.asarray(both(pixels, training=training))
        towers = maps.reshape(*maps.shape[:3], 2, -1).any(axis=(1, 2, 4))
        assert towers.all() != training
        assert (towers.sum(axis=0) > 32).all()


def test_local_contrast_ignores_exposure(tmp_path: Path) -> None:
    """Half the contrast and another brightness change the normalized image by less than a fifth;
    the network that takes it is saved and read as any other."""
    model = build_network("plain", InputSpec(64, 48), local_contrast=True)
    first = next(layer for layer in model.layers if layer.name == "stage1_a_conv")
    normalized = keras.Model(model.inputs[0], first.input)
    image = np.random.default_rng(0).normal(120, 40, (1, 64, 48, 1)).clip(0, 255)
    found = [np.asarray(normalized(seen.astype(np.uint8))) for seen in (image, image * 0.5 + 90)]
    assert found[0].shape == (1, 64, 48, 1)
    assert abs(found[0]).max() <= 2
    assert 0.3 < found[0].std() < 1
    assert 0.8 < found[1].std() / found[0].std() < 1
    assert abs(found[0] - found[1]).mean() < 0.2 * abs(found[0]).mean()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    seen = image.astype(np.uint8)
    assert np.asarray(again(seen)) == pytest.approx(np.asarray(model(seen)))


def test_other_networks_do_not_normalize() -> None:
    """The option is refused where it would do nothing."""
    with pytest.raises(UsageError, match="--local-contrast: expected the network edge or plain"):
        FitConfig(architecture="cnn", local_contrast=True)
    for name in NORMALIZING:
        assert FitConfig(architecture=name, local_contrast=True).local_contrast
