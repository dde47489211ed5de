"""Files of Keras 2: read where the layers map to Keras 3, named for what they are where not."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.open import open_artefact
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_export.keras_models.keras2 import in_keras3, is_keras2
from cxr_export.keras_models.load import load_original
from cxr_export.packaging.export import export_package
from cxr_export.packaging.request import Request

SPEC = ModelSpec(
    "old", ("NORMAL", "PNEUMONIA"), InputSpec(8, 6), (OperatingPoint("study", 0.5),), "study"
)
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 6, 1), np.uint8)


def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 6, 1))
    found = layers.Rescaling(1 / 255)(image)
    found = layers.DepthwiseConv2D(3)(layers.LeakyReLU(negative_slope=0.2)(found))
    found = layers.Conv2DTranspose(2, 3)(layers.SeparableConv2D(4, 3)(found))
    return keras.Model(image, layers.Dense(1, "sigmoid")(layers.Flatten()(found)))


def as_keras2(config: dict[str, Any], module: str = "") -> dict[str, Any]:
    """Return a network's description in the words of Keras 2.

    The layers stand in a row, which is all that is needed here.
    """
    old, before = [], ""
    for layer in config["config"]["layers"]:
        kind, own = layer["class_name"], dict(layer["config"])
        name = own["name"]
        own["dtype"] = "float32"
        if "Conv2D" in kind:
            own["groups"] = 1
        if kind == "SeparableConv2D":
            own |= {"kernel_initializer": None, "kernel_regularizer": None}
        if kind == "LeakyReLU":
            own["alpha"] = own.pop("negative_slope")
        if kind == "InputLayer":
            own["batch_input_shape"] = own.pop("batch_shape")
        inbound = [[[before, 0, 0, {}]]] if before else []
        found = {"class_name": kind, "config": own, "name": name, "inbound_nodes": inbound}
        old.append(found | ({"module": "keras.layers"} if module else {}))
        before = name
    ends = {
        "input_layers": [[old[0]["name"], 0, 0]],
        "output_layers": [[before, 0, 0]],
    }
    network = {"class_name": "Functional", "config": {"name": "model", "layers": old, **ends}}
    return network | ({"module": module, "registered_name": "Functional"} if module else {})


def h5(folder: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    path = folder / "m.h5"
    network().save(path)
    with h5py.File(path, "r+") as file:
        config = as_keras2(json.loads(file.attrs["model_config"]))
        change(config)
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.15.0"
    return path


def archive(folder: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    whole, path = folder / "whole.keras", folder / "m.keras"
    network().save(whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        config = as_keras2(json.loads(old.read("config.json")), "keras.src.engine.functional")
        change(config)
        new.writestr("config.json", json.dumps(config))
        new.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
        new.writestr("model.weights.h5", old.read("model.weights.h5"))
    whole.unlink()
    return path


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("make", [h5, archive])
def test_a_file_of_keras_2_gives_what_it_gave(make: Callable[..., Path], tmp_path: Path) -> None:
    """Its weights are in their places, and it is exported as any other."""
    path = make(tmp_path, lambda config: None)
    before = path.read_bytes()
    expected = np.asarray(network()(IMAGES.astype(np.float32)))[:, 0]
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(load_original(path, SPEC).run(IMAGES).scores, expected, atol=1e-6)
    export_package(path, tmp_path / "p", SPEC, Request(formats=("onnx",)))
    exported = open_artefact(str(tmp_path / "p"), "onnx").runtime
    np.testing.assert_allclose(exported.run(IMAGES).scores, expected, atol=1e-5)
    assert path.read_bytes() == before


def of_groups(config: dict[str, Any]) -> None:
    for layer in config["config"]["layers"]:
        if "groups" in layer["config"]:
            layer["config"]["groups"] = 3


def of_operations(config: dict[str, Any]) -> None:
    config["config"]["layers"][1]["class_name"] = "TFOpLambda"


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("make", [h5, archive])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (of_groups, r"got one of Keras 2\.15\.0 that does not map to it \(.*groups"),
        (of_operations, r"got .*TFOpLambda .* in a file of Keras 2\.15\.0"),
    ],
)
def test_what_does_not_map_is_told_to_be_of_keras_2(
    change: Callable[[dict[str, Any]], None],
    message: str,
    make: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """An argument that says something, and layers that Keras 3 lacks, are never dropped."""
    with pytest.raises(ModelInvalid, match=message):
        load_original(make(tmp_path, change), SPEC)


def test_arguments_without_effect_are_dropped_at_any_depth() -> None:
    """Those that Keras 3 takes stay, and so do values that have an effect."""
    layer = {"class_name": "RandomFlip", "config": {"rng_type": "stateless", "mode": "horizontal"}}
    cell = {"class_name": "LSTM", "config": {"time_major": True, "implementation": 2, "units": 3}}
    inner = {"class_name": "Sequential", "module": "tf_keras", "config": {"layers": [layer, cell]}}
    assert in_keras3(
        {"class_name": "Model", "module": "keras.engine.training", "config": inner}
    ) == {
        "class_name": "Model",
        "module": "keras",
        "config": {
            "class_name": "Sequential",
            "module": "keras",
            "config": {
                "layers": [
                    {"class_name": "RandomFlip", "config": {"mode": "horizontal"}},
                    {"class_name": "LSTM", "config": {"time_major": True, "units": 3}},
                ]
            },
        },
    }
    assert [is_keras2(version) for version in ("2.15.0", "3.12.0", "")] == [True, False, False]
