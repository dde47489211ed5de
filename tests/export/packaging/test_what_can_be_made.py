"""Networks of all kinds: what each format can hold is made, what none can use is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from keras import layers

from cxr_edge.errors import ModelError, ModelInvalid
from cxr_edge.models.checksums import check_checksums
from cxr_edge.models.open import open_artefact
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.output_spec import PLAIN, OutputSpec, OutputValues
from cxr_export.keras_models.load import load_original
from cxr_export.keras_models.wrap import single_probability
from cxr_export.packaging import artefacts
from cxr_export.packaging.export import export_package
from cxr_export.packaging.request import Request

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 6, 3), np.uint8)
FLOAT = Request(formats=("onnx", "tflite"))
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
IMAGENET = InputSpec(8, 6, 3, scale=tuple(1 / (255 * STD)), offset=tuple(-MEAN / STD))
RAW = InputSpec(8, 6, 3)


def spec_of(taken: InputSpec = RAW, output: OutputSpec = PLAIN) -> ModelSpec:
    points = (OperatingPoint("study", 0.5),)
    return ModelSpec("other", ("NORMAL", "PNEUMONIA"), taken, points, "study", output)


def same(found: Any) -> Any:
    return found


def network(
    before: Callable[[Any], Any] | None = None,
    after: Callable[[Any], Any] = same,
    end: layers.Layer | None = None,
    name: str = "net",
) -> keras.Model:
    keras.utils.set_random_seed(2)
    image = keras.Input((8, 6, 3))
    scaled = (before or layers.Rescaling(1 / 255))(image)
    found = layers.Conv2D(4, 3, activation="relu")(scaled)
    found = layers.GlobalAveragePooling2D()(after(found))
    return keras.Model(image, (end or layers.Dense(1, activation="sigmoid"))(found), name=name)


def with_constants(image: Any) -> Any:
    """Subtract means as applications of Keras do: by tensors that are no variables."""
    found = keras.applications.resnet50.preprocess_input(image)
    return layers.Normalization(mean=[20.0, 10.0, 0.0], variance=[9e3] * 3)(found)


def left_in_training(found: Any) -> Any:
    """Add layers that were built to behave as in training, which an export does not keep."""
    found = layers.BatchNormalization()(found, training=True)
    return layers.Dropout(0.5)(found, training=True)


def saved(model: keras.Model, folder: Path) -> Path:
    model.save(folder / "m.keras")
    return folder / "m.keras"


CLASSES = ("a", "b", "c")
NETWORKS: dict[str, tuple[Callable[[], keras.Model], ModelSpec]] = {
    "constants, GELU and a name used twice": (
        lambda: network(with_constants, layers.Activation("gelu"), name="image"), spec_of(),
    ),
    "channels, and three logits with two positive": (
        lambda: network(same, end=layers.Dense(3)),
        spec_of(IMAGENET, OutputSpec(OutputValues.LOGIT, CLASSES, ("b", "c"))),
    ),
    "one logit of a network left in training mode": (
        lambda: network(after=left_in_training, end=layers.Dense(1)),
        spec_of(output=OutputSpec(OutputValues.LOGIT)),
    ),
    "three classes": (
        lambda: network(end=layers.Dense(3, activation="softmax")),
        spec_of(output=OutputSpec(classes=CLASSES, positive=("b",))),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_exported_gives_what_the_network_gives(name: str, tmp_path: Path) -> None:
    """It takes pixels alone and gives one probability, as the spec says of the original."""
    make, spec = NETWORKS[name]
    original = load_original(saved(make(), tmp_path), spec)
    expected = original.run(IMAGES).scores
    assert np.ptp(expected) > 1e-3
    model, exported = single_probability(original)
    assert exported.input.raw
    assert exported.output.plain
    given = np.asarray(model(IMAGES, training=False))
    assert given.shape == (4, 1)
    np.testing.assert_allclose(given[:, 0], expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(NETWORKS)[:3])
def test_every_format_gives_what_the_network_gives(name: str, tmp_path: Path) -> None:
    """Each artefact has all constants inside: its only input is the image."""
    make, spec = NETWORKS[name]
    path = saved(make(), tmp_path)
    export_package(path, tmp_path / "p", spec, FLOAT)
    expected = load_original(path, spec).run(IMAGES).scores
    for file in ("model.onnx", "model.tflite"):
        runtime = open_artefact(str(tmp_path / "p" / file)).runtime
        np.testing.assert_allclose(runtime.run(IMAGES).scores, expected, atol=2e-5)
    graph = onnx.load(tmp_path / "p" / "model.onnx").graph
    assert [value.name for value in graph.input] == ["image"]


@pytest.mark.slow
def test_a_format_that_cannot_be_made_takes_no_other_with_it(
    tmp_path: Path, cxr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package holds the rest, --formats is named as the way out, and the exit code is 3."""

    def refuse(_: keras.Model, __: ModelSpec, path: Path, ___: object) -> None:
        raise ModelError(f"{path.name}: TFLite cannot hold this network: FlexErfinv")

    monkeypatch.setitem(artefacts._EXPORTS, "litert", refuse)
    (tmp_path / "spec.json").write_text(spec_of().to_json())
    words = ("export", saved(network(), tmp_path), "--spec", tmp_path / "spec.json")
    result = cxr(*words, "-o", tmp_path / "p", "--formats", "onnx,tflite")
    assert result.exit_code == 3, result.output
    assert "left out of the package because they cannot be made: model.tflite" in result.output
    assert "FlexErfinv" in result.output
    assert "--formats" in result.output
    assert {file.name for file in (tmp_path / "p").glob("model.*")} == {"model.onnx", "model.keras"}
    check_checksums(tmp_path / "p")
    result = cxr(*words, "-o", tmp_path / "q", "--formats", "tflite")
    assert result.exit_code == 1
    assert not (tmp_path / "q").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"end": layers.Dense(1, activation="softmax")}, "the same probability, 1.000000"),
        ({"end": layers.Dense(1, kernel_initializer="zeros")}, "the same probability, [01]"),
    ],
    ids=["softmax of one", "dead"],
)
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
def test_a_network_of_no_use_is_not_exported(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """Answers that are always the same make no package."""
    with pytest.raises(ModelInvalid, match=message):
        export_package(saved(network(**change), tmp_path), tmp_path / "p", spec_of(), FLOAT)
    assert not (tmp_path / "p").exists()
