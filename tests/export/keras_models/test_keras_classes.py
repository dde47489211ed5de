"""Keras files from elsewhere: which classes and functions a description may name."""

import importlib
import itertools
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import pytest
from keras import layers
from keras.src.api_export import get_symbol_from_name as public

from cxr_edge.errors import ModelInvalid
from cxr_export.keras_models.keras_classes import (
    CLASSES,
    FUNCTIONS,
    LEGACY_CLASSES,
    OPERATION_MODULES,
)
from cxr_export.keras_models.keras_file import check_keras_file

NOT_ALLOWED = {
    "Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer",  # code
    "StringLookup", "IntegerLookup", "TextVectorization",  # read files
    "HashedCrossing", "Hashing", "MaxNumBoundingBoxes", "MelSpectrogram", "ReversibleEmbedding",
    "STFTSpectrogram",  # not of images
    "InputSpec", "Layer", "Wrapper",  # no layers
}  # fmt: skip
"""Classes of keras.layers that no description may name."""


def described(path: Path, *things: Any, **more: Any) -> Path:
    """Write a network whose layers are described so, without weights."""
    config = {
        "class_name": "Sequential", "config": {"name": "s", "layers": list(things)}, **more,
    }  # fmt: skip
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps(config)
    else:
        config |= {"module": "keras", "registered_name": None}
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps(config))
    return path


def thing(name: str, module: str | None = "keras.layers", **fields: Any) -> dict[str, Any]:
    return {"class_name": name, "module": module, "config": {"name": "it"}, **fields}


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (thing("Lambda"), r"got keras\.layers\.Lambda 'it'"),
        (thing("TFSMLayer"), r"keras\.layers\.TFSMLayer"),
        (thing("StringLookup", config={"vocabulary": "/etc/passwd"}), "StringLookup"),
        (thing("system", "os"), r"os\.system"),
        (thing("Dense", "elsewhere.layers"), r"elsewhere\.layers\.Dense"),
        (thing("Dense", "keras_hub.layers"), r"keras_hub\.layers\.Dense"),
        (thing("get_file", "keras.utils"), r"keras\.utils\.get_file"),
        (thing("load_model", "keras.models"), r"keras\.models\.load_model"),
        (thing("VectorizedMap", "keras.src.ops.core"), "VectorizedMap"),
        (thing("Dense", registered_name="package>Own"), r"keras\.layers\.Dense"),
        (thing("Own", None, registered_name="package>Own"), "got Own 'it'"),
        (thing("__lambda__", None), "__lambda__"),
        (thing("__typespec__", "tensorflow"), "__typespec__"),
        (thing("function", "builtins", config="eval"), "the function eval"),
        (thing("function", "os", config="relu"), "the function relu"),
        (thing("Dense", config={"kernel_initializer": thing("Own", "own")}), r"own\.Own"),
    ],
)
def test_what_is_not_listed_is_refused_before_keras_reads_it(
    named: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """Code, files, other modules, names that other packages have registered: at any depth."""
    with pytest.raises(ModelInvalid, match=message):
        check_keras_file(described(tmp_path / "m.keras", named))


@pytest.mark.parametrize("name", ["Lambda", "deserialize", "TFOpLambda", "__lambda__", "TypeSpec"])
def test_an_h5_file_names_classes_without_a_module(name: str, tmp_path: Path) -> None:
    """Keras would find helper functions by such a name, too."""
    for path in (tmp_path / "m.h5", tmp_path / "m.keras"):
        with pytest.raises(ModelInvalid, match=f"got {name} 'it'"):
            check_keras_file(described(path, {"class_name": name, "config": {"name": "it"}}))
    check_keras_file(described(tmp_path / "m.h5", {"class_name": "Dense", "config": {}}))


def test_how_a_network_was_trained_is_not_read(tmp_path: Path) -> None:
    """A loss of somebody's own is no reason to refuse the network: it is loaded without."""
    loss = {"loss": thing("Own", "own")}
    check_keras_file(described(tmp_path / "m.keras", compile_config=loss))
    with pytest.raises(ModelInvalid, match=r"own\.Own"):
        check_keras_file(described(tmp_path / "n.keras", thing("Dense", compile_config=loss)))


def test_what_a_description_says_is_printable(tmp_path: Path) -> None:
    """A class name cannot write to the terminal."""
    with pytest.raises(ModelInvalid, match=r"\\x1b\[2J"):
        check_keras_file(described(tmp_path / "m.keras", thing("\x1b[2J")))


def test_every_listed_class_is_one_of_keras() -> None:
    """A misspelt name would refuse ordinary networks."""
    for module, names in CLASSES.items():
        inside = vars(importlib.import_module(module))
        unknown = [name for name in names if not (inside.get(name) or public(f"{module}.{name}"))]
        assert unknown == [], module
    for module in OPERATION_MODULES:
        importlib.import_module(module)
    assert [name for name in FUNCTIONS if not hasattr(keras.activations, name)] == []


def test_every_layer_of_keras_is_listed_or_refused_on_purpose() -> None:
    """A layer that a newer Keras brings is looked at before it is allowed."""
    known = {name for name in dir(layers) if isinstance(getattr(layers, name), type)}
    assert known - CLASSES["keras.layers"] == NOT_ALLOWED
    assert NOT_ALLOWED.isdisjoint(LEGACY_CLASSES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        *itertools.product(
            ("MobileNetV3Small", "EfficientNetB0", "ResNet50", "DenseNet121"), (".keras", ".h5")
        ),
        ("ConvNeXtTiny", ".keras"),  # Keras itself cannot read one from .h5
    ],
)
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_networks_of_keras_pass(name: str, suffix: str, tmp_path: Path) -> None:
    """Keras itself saved them, compiled and inside another network."""
    inner = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=2)
    inner.compile("adam", "binary_crossentropy", [keras.metrics.AUC()])
    image = keras.Input((64, 64, 3))
    scaled = layers.RandomFlip()(image) / 255 if suffix == ".keras" else layers.RandomFlip()(image)
    model = keras.Model(image, inner(scaled)[:, 1:] if suffix == ".keras" else inner(scaled))
    model.save(tmp_path / f"m{suffix}")
    check_keras_file(tmp_path / f"m{suffix}")
