"""Keras models of other origin, and those that cannot be used."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from cxr_edge.errors import ModelError, ModelInvalid, ParityError, SpecMissing, UsageError
from cxr_edge.models.locate import default_package
from cxr_edge.models.open import open_any, open_artefact
from cxr_edge.runtimes.base import Runtime
from cxr_edge.spec.embedding import append_spec
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_export.keras_models.load import load_original
from cxr_export.keras_models.locate import keras_file
from cxr_export.keras_models.reference import open_reference
from cxr_export.keras_models.runtime import KerasRuntime
from cxr_export.keras_models.wrap import single_probability
from cxr_export.packaging.export import export_package
from cxr_export.packaging.request import Request

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"


def spec_of(**fields: Any) -> ModelSpec:
    points = (OperatingPoint("study", 0.5),)
    return ModelSpec("tiny", ("NORMAL", "PNEUMONIA"), InputSpec(8, 6, **fields), points, "study")


RAW = spec_of()
FLOAT = Request(formats=("onnx", "tflite"))
SCALED = spec_of(scale=1 / 127.5, offset=-1.0)
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 6, 1), np.uint8)


def network(
    *,
    dtype: str = "uint8",
    shape: tuple[int, ...] = (8, 6, 1),
    columns: int | None = 1,
    batch: int | None = None,
    extra: layers.Layer | None = None,
    rescale: bool = True,
) -> keras.Model:
    """Build a network whose every kind gives the same probabilities, given the same weights."""
    keras.utils.set_random_seed(3)
    decoded = keras.Input(batch_shape=(batch, *shape), dtype=dtype)
    scaled = layers.Rescaling(1 / 127.5, -1.0)(decoded) if rescale and dtype == "uint8" else decoded
    if extra:
        scaled = extra(scaled)
    if shape[0] == 1 and len(shape) == 3:
        scaled = layers.Permute((2, 3, 1))(scaled)
    found = layers.Flatten()(layers.Conv2D(3, 3, activation="relu")(scaled))
    if columns is None:
        return keras.Model(
            decoded, layers.Flatten()(layers.Dense(1, activation="sigmoid")(found))[:, 0]
        )
    kind = "sigmoid" if columns == 1 else "softmax"
    return keras.Model(decoded, layers.Dense(columns, activation=kind)(found))


def foreign(kind: str) -> tuple[keras.Model, ModelSpec]:
    """Return one network of each kind, with the spec that describes it."""
    return {
        "two columns": lambda: (network(columns=2), RAW),
        "one row": lambda: (network(columns=None), RAW),
        "floats": lambda: (network(dtype="float32"), SCALED),
        "a row of layers": lambda: (keras.Sequential(network(columns=2).layers), RAW),
        "raw floats": lambda: (network(dtype="float32"), RAW),
        "channels first": lambda: (network(dtype="float32", shape=(1, 8, 6)), SCALED),
        "all of it": lambda: (network(dtype="float32", shape=(1, 8, 6), columns=2), SCALED),
    }[kind]()


KINDS = [
    "two columns", "one row", "a row of layers", "floats", "raw floats", "channels first",
    "all of it",
]  # fmt: skip


def saved(model: keras.Model, path: Path, spec: ModelSpec | None = None) -> Path:
    model.save(path)
    if spec:
        append_spec(path, spec)
    return path


def by_hand(model: keras.Model, spec: ModelSpec) -> np.ndarray:
    """Return P(positive class) as Keras itself gives it."""
    taken = IMAGES
    if str(model.inputs[0].dtype) == "float32":
        taken = IMAGES.astype(np.float32) * spec.input.scale + spec.input.offset
    if model.inputs[0].shape[1] == 1:
        taken = taken.transpose(0, 3, 1, 2)
    given = np.asarray(model(taken))
    return given[:, -1] if given.ndim == 2 else given


@pytest.mark.parametrize("kind", KINDS)
def test_a_foreign_network_runs_and_is_wrapped_alike(kind: str) -> None:
    """It gives the scores of Keras, both as it is and as it will be exported."""
    model, spec = foreign(kind)
    assert np.ptp(by_hand(model, spec)) > 0.01
    np.testing.assert_allclose(
        KerasRuntime(model, spec).run(IMAGES).scores, by_hand(model, spec), atol=1e-6
    )
    wrapped, exported = single_probability(KerasRuntime(model, spec))
    assert (wrapped.inputs[0].dtype, wrapped.inputs[0].shape) == ("uint8", (None, 8, 6, 1))
    assert wrapped.outputs[0].shape == (None, 1)
    assert exported.input.raw
    np.testing.assert_allclose(
        np.asarray(wrapped(IMAGES)).reshape(-1), by_hand(model, spec), atol=1e-6
    )


def test_a_network_of_our_own_is_not_wrapped() -> None:
    """The object itself comes back, so nothing changes in what it exports to."""
    model = network()
    assert single_probability(KerasRuntime(model, RAW)) == (model, RAW)


def test_a_network_that_fails_as_it_runs_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow's own error does not come through the seam."""
    model = network()
    failure = tf.errors.ResourceExhaustedError(None, None, "out of memory")
    monkeypatch.setattr(model, "predict_on_batch", lambda _: fail(failure))
    with pytest.raises(ModelError, match=r"Keras failed on a batch: .*out of memory"):
        KerasRuntime(model, RAW).run(IMAGES)


def fail(error: Exception) -> None:
    raise error


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_what_is_exported_of_a_foreign_network(tmp_path: Path, suffix: str) -> None:
    """Every artefact, model.keras too, takes uint8 pixels and gives the original's probability."""
    model, spec = foreign("all of it")
    original = saved(model, tmp_path / f"m{suffix}")
    exported = export_package(original, tmp_path / "p", spec, FLOAT).spec
    assert exported.input.raw
    for name in ("model.keras", "model.onnx", "model.tflite"):
        runtime = open_reference(tmp_path / "p" / name)
        assert runtime.spec == exported
        np.testing.assert_allclose(runtime.run(IMAGES).scores, by_hand(model, spec), atol=1e-5)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number, image in enumerate(IMAGES):
        assert cv2.imwrite(str(folder / f"{number}.png"), image)
    return folder


@pytest.mark.slow
def test_a_foreign_package_is_held_against_the_original(
    cxr: Callable[..., Any], images: Path, tmp_path: Path
) -> None:
    """With the original's own spec; without one it is not guessed what it takes."""
    model, spec = foreign("all of it")
    original = saved(model, tmp_path / "m.keras")
    (tmp_path / "spec.json").write_text(spec.to_json())
    given = ("--spec", tmp_path / "spec.json")
    made = cxr("export", original, "-o", tmp_path / "p", "--formats", "onnx,tflite", *given)
    assert made.exit_code == 0, made.output
    words = ("verify", tmp_path / "p", "--data", images, "--reference", original)
    found = cxr(*words, *given)
    assert found.exit_code == 0, found.output
    assert "compared with m.keras" in found.output
    alone = cxr(*words)
    assert alone.exit_code == 1
    assert "--spec" in alone.output


@pytest.mark.slow
def test_a_wrapping_that_changes_the_answer_fails_the_export(
    monkeypatch: pytest.MonkeyPatch, images: Path, tmp_path: Path
) -> None:
    """Artefacts are held against the model as the user has it, not against what was made of it."""
    model, spec = foreign("all of it")
    original = saved(model, tmp_path / "m.keras", spec)

    def wrong(loaded: KerasRuntime) -> tuple[keras.Model, ModelSpec]:
        wrapped, made = single_probability(loaded)
        return keras.Model(wrapped.inputs, 1.0 - wrapped.outputs[0]), made

    monkeypatch.setattr("cxr_export.packaging.export.single_probability", wrong)
    request = Request(formats=("onnx",), data=[images])
    with pytest.raises(ParityError, match=r"no package was made: .*labels differ"):
        export_package(original, tmp_path / "p", request=request)


@pytest.mark.slow
def test_a_spec_inside_that_asks_for_scaling_does_not_outlive_it(tmp_path: Path) -> None:
    """The package's model.keras is the wrapped one with the spec that fits it."""
    model, spec = foreign("floats")
    export_package(saved(model, tmp_path / "m.keras", spec), tmp_path / "p", request=FLOAT)
    runtime = open_reference(tmp_path / "p")
    assert runtime.spec.input.raw
    np.testing.assert_allclose(runtime.run(IMAGES).scores, by_hand(model, spec), atol=1e-6)


def test_one_image_at_a_time_runs_and_is_not_exported(tmp_path: Path) -> None:
    """A batch of one is a reference; its artefacts could not take more, so none are made."""
    model = network(batch=1)
    free = network()
    free.set_weights(model.get_weights())
    np.testing.assert_allclose(
        KerasRuntime(model, RAW).run(IMAGES).scores, by_hand(free, RAW), atol=1e-6
    )
    with pytest.raises(ModelInvalid, match="batch of None"):
        export_package(saved(model, tmp_path / "m.keras"), tmp_path / "p", RAW, FLOAT)
    with pytest.raises(ModelInvalid, match="any number of images in, or one"):
        load_original(saved(network(batch=3), tmp_path / "3.keras"), RAW)


class Doubled(layers.Layer):
    def call(self, x: Any) -> Any:
        return x * 2


def activation(x: Any) -> Any:
    return x


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-900])
    return path


def text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def renamed(model: keras.Model, path: Path, suffix: str) -> Path:
    return saved(model, path).rename(path.with_suffix(suffix))


def weights_alone(folder: Path) -> Path:
    network().save_weights(folder / "m.weights.h5")
    return folder / "m.weights.h5"


def archive(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("data.pkl", b"x")
    return path


def many(*, inputs: int = 1, outputs: int = 1) -> keras.Model:
    decoded_images = [keras.Input((8, 6, 1), name=f"view_{i}") for i in range(inputs)]
    joined = layers.Flatten()(layers.Add()(decoded_images) if inputs > 1 else decoded_images[0])
    names = [f"finding_{i}" for i in range(outputs)]
    return keras.Model(decoded_images, [layers.Dense(1, name=name)(joined) for name in names])


def logits(columns: int) -> keras.Model:
    """End before the sigmoid or softmax."""
    whole = network(dtype="float32")
    return keras.Model(whole.inputs, layers.Dense(columns)(whole.layers[-2].output * 9))


def nested(extra: layers.Layer) -> keras.Model:
    """Hide a layer in a network inside the network."""
    inner = keras.Sequential([keras.Input((8, 6, 1)), extra], name="inner")
    return keras.Sequential([keras.Input((8, 6, 1)), inner, layers.Flatten(), layers.Dense(1)])


def around(folder: Path) -> keras.Model:
    """Hide a SavedModel behind a layer."""
    inside = exported(network(), folder / "inside")
    decoded = keras.Input((8, 6, 1), dtype="uint8")
    layer = layers.TFSMLayer(str(inside), call_endpoint="serving_default", name="graph")
    return keras.Model(decoded, layer(decoded)["output_0"])


def code() -> layers.Layer:
    return layers.Lambda(lambda x: x / 255, name="my_scale")


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "lambda": (lambda f: saved(network(extra=code()), f / "m.keras"), "Lambda 'my_scale'"),
    "lambda in h5": (lambda f: saved(network(extra=code()), f / "m.h5"), "Lambda 'my_scale'"),
    "hidden lambda": (lambda f: saved(nested(code()), f / "m.h5"), "Lambda 'my_scale'"),
    "graph inside": (lambda f: saved(around(f), f / "m.keras"), "TFSMLayer 'graph'"),
    "class": (lambda f: saved(network(extra=Doubled()), f / "m.keras"), "Doubled.*data"),
    "class in h5": (lambda f: saved(network(extra=Doubled()), f / "m.h5"), "Doubled.*data"),
    "function": (
        lambda f: saved(network(extra=layers.Dense(1, activation=activation)), f / "m.keras"),
        "activation.*data",
    ),
    "function in h5": (
        lambda f: saved(network(extra=layers.Dense(1, activation=activation)), f / "m.h5"),
        "activation.*data",
    ),
    "pointer": (lambda f: text(f / "m.keras", POINTER), "git lfs pull"),
    "pointer h5": (lambda f: text(f / "m.h5", POINTER), "git lfs pull"),
    "half": (lambda f: cut(saved(network(), f / "m.keras")), "half of one"),
    "half h5": (lambda f: cut(saved(network(), f / "m.h5")), "half of one"),
    "empty": (lambda f: text(f / "m.keras", ""), "half of one"),
    "empty h5": (lambda f: text(f / "m.h5", ""), "half of one"),
    "text": (lambda f: text(f / "m.h5", "no model"), "half of one"),
    "archive": (lambda f: archive(f / "m.keras"), "config.json"),
    "weights": (weights_alone, "weights alone"),
    "h5 as keras": (lambda f: renamed(network(), f / "m.h5", ".keras"), "end in .h5"),
    "keras as h5": (lambda f: renamed(network(), f / "m.keras", ".h5"), "in .keras"),
    "inputs": (lambda f: saved(many(inputs=2), f / "m.keras"), "view_0, view_1"),
    "outputs": (lambda f: saved(many(outputs=2), f / "m.h5"), "finding_0, finding_1"),
    "flat": (
        lambda f: saved(keras.Sequential([keras.Input((48,)), layers.Dense(1)]), f / "m.keras"),
        r"shape \(None, 48\), expected \(N, 8, 6, 1\)",
    ),
    "never built": (
        lambda f: saved(keras.Sequential([layers.Flatten(), layers.Dense(1)]), f / "m.keras"),
        "never built",
    ),
    "sides": (lambda f: saved(network(shape=(9, 6, 1)), f / "m.keras"), "wants 9x6x1"),
    "classes": (lambda f: saved(network(columns=3), f / "m.h5"), r"got \(None, 3\)"),
    "logits": (lambda f: saved(logits(1), f / "m.keras"), "0 to 1, got .*in a sigmoid"),
    "two logits": (lambda f: saved(logits(2), f / "m.keras"), "end the graph in a softmax"),
    "saved model": (lambda f: exported(network(), f / "m"), "not exported"),
}  # fmt: skip


def exported(model: keras.Model, folder: Path) -> Path:
    model.export(folder, verbose=False)
    return folder


@pytest.mark.filterwarnings("ignore:You are saving a model that has not yet been built")
@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_exported_says_why(name: str, tmp_path: Path) -> None:
    """Each has its own message, names its path, and leaves no package and no scratch behind."""
    make, message = BAD[name]
    path = make(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ModelInvalid, match=message) as raised:
        export_package(path, tmp_path / "p", RAW, FLOAT)
    assert str(path) in str(raised.value)
    assert sorted(tmp_path.iterdir()) == before


def test_an_h5_file_or_a_saved_model_needs_a_spec(tmp_path: Path) -> None:
    """Neither has one inside, and the message says what to do."""
    for path in (saved(network(), tmp_path / "m.h5"), exported(network(), tmp_path / "m")):
        with pytest.raises(SpecMissing, match="--spec"):
            open_reference(path)
    with pytest.raises(UsageError, match="does not exist"):
        open_reference(tmp_path / "none.keras")


def score(runtime: Runtime) -> np.ndarray:
    return runtime.run(IMAGES).scores


@pytest.mark.parametrize("kind", ["floats", "all of it"])
def test_every_format_of_a_reference_agrees(tmp_path: Path, kind: str) -> None:
    """.keras, .h5 and SavedModel give the same probabilities, through the command line's door."""
    model, spec = foreign(kind)
    digests = set()
    for path, name in (
        (saved(model, tmp_path / "m.keras"), "keras"),
        (saved(model, tmp_path / "m.h5"), "keras"),
        (exported(model, tmp_path / "m"), "tensorflow"),
    ):
        opened = open_any(str(path), spec=spec)
        assert opened.runtime_name == name
        np.testing.assert_allclose(score(opened.runtime), by_hand(model, spec), atol=1e-6)
        digests.add(opened.sha256)
        with pytest.raises(UsageError, match="--runtime: expected auto"):
            open_any(str(path), "onnx")
    assert len(digests) == 3


def test_an_artefact_is_a_reference_too() -> None:
    """.onnx and .tflite files open with the spec inside, or one given."""
    path = default_package() / "model.onnx"
    inside = open_artefact().spec
    assert open_reference(path).spec == inside
    with pytest.raises(ModelInvalid, match="its spec says 8x6x1"):
        open_reference(path, RAW)


def test_a_broken_saved_model_is_named(tmp_path: Path) -> None:
    """Half a graph, missing variables, a pointer in place of the weights."""
    whole = exported(network(), tmp_path / "whole")
    for name, file, content, message in (
        ("graph", "saved_model.pb", b"\xff\xff no graph", "expected a TensorFlow graph"),
        ("index", "variables/variables.index", b"", "cannot load it"),
        ("pointer", "variables/variables.data-00000-of-00001", POINTER.encode(), "git lfs pull"),
    ):
        copy = tmp_path / name
        shutil.copytree(whole, copy)
        (copy / file).write_bytes(content)
        with pytest.raises(ModelInvalid, match=message):
            open_reference(copy, RAW)


def converted(model: keras.Model, dtype: Any, spec: ModelSpec) -> bytes:
    """Return TFLite as others make it: int8 inside, ``dtype`` outside."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if dtype is not tf.float32:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        scaled = IMAGES.astype(np.float32) * spec.input.scale + spec.input.offset
        converter.representative_dataset = lambda: ([image[None]] for image in scaled)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = dtype
    data: bytes = converter.convert()
    return data


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning")
@pytest.mark.parametrize("batch", [None, 1])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(tf.float32, 1e-5), (tf.int8, 0.02), (tf.uint8, 0.02)]
)
def test_tflite_of_other_origin_runs(
    tmp_path: Path, dtype: Any, tolerance: float, batch: int | None
) -> None:
    """Floats and full integers in and out, any batch or one, give the original's probability."""
    model = network(dtype="float32", columns=2, batch=batch)
    free = network(dtype="float32", columns=2)
    free.set_weights(model.get_weights())
    path = tmp_path / "m.tflite"
    path.write_bytes(converted(model, dtype, SCALED))
    scores = open_artefact(str(path), spec=SCALED).runtime.run(IMAGES).scores
    np.testing.assert_allclose(scores, by_hand(free, SCALED), atol=tolerance)
    if dtype is not tf.float32:
        with pytest.raises(ModelInvalid, match="by the spec pixels become 0 to 255"):
            open_artefact(str(path), spec=RAW)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("spec.json", "model.keras"), r"got the model package .*; give .*/model\.keras$"),
        (("spec.json",), r"got the model package .*; it has no model\.keras; give the file"),
        (("config.json", "model.keras"), r"got the folder .*; give .*/model\.keras$"),
    ],
)
def test_a_folder_in_place_of_a_file_is_named(
    tmp_path: Path, files: tuple[str, ...], message: str
) -> None:
    """It exists; the message says what it is, and the file in it that can be given."""
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=message):
        load_original(tmp_path)


def test_a_package_without_its_keras_file_says_where_there_is_one(tmp_path: Path) -> None:
    """The folder in the repository that has the default model's."""
    with pytest.raises(
        ModelInvalid, match="toolkit/cxr_edge/models/default: give that folder as MODEL"
    ):
        keras_file(str(tmp_path), "explanations are made from it", "MODEL")


def test_another_library_of_keras_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are exported by TensorFlow, whatever they were trained with."""
    model, spec = foreign("one row")
    path = saved(model, tmp_path / "m.keras", spec)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UsageError, match="KERAS_BACKEND: expected tensorflow, which exports"):
        export_package(path, tmp_path / "package")
