"""Models of other origin behind the runtimes' seam."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fakes import runtimes
from onnx import TensorProto, helper, numpy_helper

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.open import open_artefact
from cxr_edge.runtimes.adapter import Adapter
from cxr_edge.runtimes.tensor import Tensor
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.output_spec import PLAIN, OutputSpec, OutputValues

HEIGHT, WIDTH = 6, 4
TYPES = {
    "uint8": TensorProto.UINT8,
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "float64": TensorProto.DOUBLE,
}


def spec_of(output: OutputSpec = PLAIN, **fields: Any) -> ModelSpec:
    taken = InputSpec(HEIGHT, WIDTH, **fields)
    points = (OperatingPoint("study", 0.5),)
    return ModelSpec("foreign", ("NORMAL", "PNEUMONIA"), taken, points, "study", output)


SPEC = spec_of()
SCALED = spec_of(scale=1 / 127.5, offset=-1.0)


def weights(channels: int) -> np.ndarray:
    """Different for every pixel, so that no two layouts give the same score."""
    return np.random.default_rng(1).normal(0, 1, (HEIGHT, WIDTH, channels)).astype(np.float32)


def images(channels: int = 1, count: int = 3) -> np.ndarray:
    shape = (count, HEIGHT, WIDTH, channels)
    return np.random.default_rng(2).integers(0, 256, shape, np.uint8)


def expected(pixels: np.ndarray) -> np.ndarray:
    """Return the scores that every network below computes."""
    scaled = pixels.astype(np.float64) / 127.5 - 1
    return 1 / (1 + np.exp(-(scaled * weights(pixels.shape[-1])).sum(axis=(1, 2, 3))))


def network(
    path: Path,
    *,
    dtype: str = "float32",
    channels: int = 1,
    first: bool = False,
    columns: int | None = 1,
    batch: int | str = "n",
    softmax: bool = True,
    **declared: Any,
) -> Path:
    """Write an ONNX graph as other tools leave it."""
    sides = [channels, HEIGHT, WIDTH] if first else [HEIGHT, WIDTH, channels]
    shape = declared.get("shape", [batch, *sides])
    weight = weights(channels).transpose(2, 0, 1) if first else weights(channels)
    constants = {
        "weight": weight, "scale": np.float32(1 / 127.5), "one": np.float32(1),
        "axis": np.array([1]), "zero": np.float32(0),
    }  # fmt: skip
    nodes = [helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT)]
    if dtype == "uint8":
        nodes += [
            helper.make_node("Mul", ["float", "scale"], ["unit"]),
            helper.make_node("Sub", ["unit", "one"], ["scaled"]),
        ]
    else:
        nodes += [helper.make_node("Identity", ["float"], ["scaled"])]
    nodes += [
        helper.make_node("Mul", ["scaled", "weight"], ["weighed"]),
        helper.make_node("ReduceSum", ["weighed", "axes"], ["logit"], keepdims=0),
        helper.make_node("Unsqueeze", ["logit", "axis"], ["column"]),
        helper.make_node("Mul", ["column", "zero"], ["other"]),
    ]
    constants["axes"] = np.array([1, 2, 3])
    if columns == 2:
        nodes += [helper.make_node("Concat", ["other", "column"], ["both"], axis=1)]
        last = helper.make_node("Softmax", ["both"], ["probability"], axis=1)
        nodes += [last if softmax else helper.make_node("Identity", ["both"], ["probability"])]
    else:
        source = "logit" if columns is None else "column"
        nodes += [helper.make_node("Sigmoid", [source], ["probability"])]
    out = declared.get("out", [batch] if columns is None else [batch, columns])
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info("image", TYPES[dtype], shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, out)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


@pytest.mark.parametrize("runtime", runtimes(".onnx"))
@pytest.mark.parametrize("columns", [None, 1, 2])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("batch", ["n", 1])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_foreign_network_scores_as_its_formula(
    tmp_path: Path,
    dtype: str,
    batch: int | str,
    channels: int,
    first: bool,
    columns: int | None,
    runtime: str,
) -> None:
    """Type, layout, channels, outputs and a batch of one change nothing in the probabilities."""
    path = network(
        tmp_path / "m.onnx",
        dtype=dtype, batch=batch, channels=channels, first=first, columns=columns,
    )  # fmt: skip
    spec = spec_of(channels=channels, **({} if dtype == "uint8" else scaling()))
    scores = open_artefact(str(path), runtime, spec=spec).runtime.run(images(channels)).scores
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected(images(channels)), atol=1e-5)


def scaling() -> dict[str, float]:
    return {"scale": SCALED.input.scale, "offset": SCALED.input.offset}


@pytest.mark.parametrize("runtime", runtimes(".onnx"))
def test_half_precision_and_open_sides(tmp_path: Path, runtime: str) -> None:
    """float16 is taken, and rows and columns that the graph leaves open are the spec's."""
    path = network(tmp_path / "m.onnx", dtype="float16", shape=["n", "rows", "columns", 1])
    scores = open_artefact(str(path), runtime, spec=SCALED).runtime.run(images()).scores
    np.testing.assert_allclose(scores, expected(images()), atol=1e-2)


def test_channels_last_goes_first_where_both_fit() -> None:
    """A shape that fits both layouts is read as (N, H, W, C)."""
    spec = dataclasses.replace(SPEC, input=InputSpec(3, 3, 3))
    adapter = Adapter("m", spec, [Tensor("x", (-1, 3, 3, 3), "float32")], [OUT])
    assert not adapter.channels_first


OUT = Tensor("p", (-1, 1), "float32")
IMAGE = Tensor("x", (-1, HEIGHT, WIDTH, 1), "uint8")


def image(dtype: str, scale: float = 0.0, zero_point: int = 0) -> Tensor:
    return dataclasses.replace(IMAGE, dtype=dtype, scale=scale, zero_point=zero_point)


@pytest.mark.parametrize(
    ("taken", "spec", "wanted"),
    [
        (image("uint8"), SPEC, [0, 1, 128, 255]),
        (image("uint8", 1.0), SPEC, [0, 1, 128, 255]),
        (image("uint8", 1 / 255), spec_of(scale=1 / 255), [0, 1, 128, 255]),
        (image("int8", 1.0, -128), SPEC, [-128, -127, 0, 127]),
        (image("int8", 1 / 127), SCALED, [-127, -126, 0, 127]),
        (image("float32"), spec_of(scale=2.0, offset=-1.0), [-1.0, 1.0, 255.0, 509.0]),
    ],
    ids=["raw", "scale 1", "uint8 of floats", "int8 of pixels", "int8 of floats", "float"],
)
def test_gray_values_become_what_the_input_means(
    taken: Tensor, spec: ModelSpec, wanted: list[float]
) -> None:
    """A pixel reaches a quantized input as the step that stands for pixel * scale + offset."""
    got: list[np.ndarray] = []

    def call(batch: np.ndarray) -> list[np.ndarray]:
        got.append(batch)
        return [np.zeros((len(batch), 1), np.float32)]

    pixels = np.zeros((1, HEIGHT, WIDTH, 1), np.uint8)
    pixels.reshape(-1)[:4] = [0, 1, 128, 255]
    Adapter("m", spec, [taken], [OUT]).run(pixels, call)
    assert got[0].dtype == taken.dtype
    assert got[0].reshape(-1)[:4].tolist() == wanted


@pytest.mark.parametrize(("dtype", "zero_point"), [("uint8", 0), ("int8", -128)])
@pytest.mark.parametrize("columns", [1, 2])
def test_quantized_probabilities_are_read_by_their_scale(
    dtype: str, zero_point: int, columns: int
) -> None:
    """(value - zero point) * scale, also where rounding keeps two columns from adding up to 1."""
    output = Tensor("p", (-1, columns), dtype, 1 / 256, zero_point)
    given = np.array([[0, 255], [64, 191], [255, 0]])[:, -columns:] + zero_point
    scores = (
        Adapter("m", SPEC, [IMAGE], [output]).run(images(), lambda _: [given.astype(dtype)]).scores
    )
    np.testing.assert_allclose(scores, [255 / 256, 191 / 256, 0], atol=1e-7)


@pytest.mark.parametrize(
    ("taken", "spec", "message"),
    [
        (image("uint8"), SCALED, "scaling belongs into its graph"),
        (image("uint8", 1.0), SCALED, "scaling belongs into its graph"),
        (image("uint8", 1 / 255), SPEC, "holds 0 to 1, by the spec pixels become 0 to 255"),
        (image("int8", 1.0, -128), SCALED, "holds 0 to 255, by the spec pixels become -1 to 1"),
        (image("int8"), SPEC, "wants -1x6x4x1 int8; expected uint8 pixels"),
        (image("int32"), SPEC, "int32; expected uint8 pixels"),
        (dataclasses.replace(IMAGE, shape=(-1, 6, 4, 3)), SPEC, r"6x4x3 uint8 \(shape \(-1, 6"),
        (dataclasses.replace(IMAGE, shape=(-1, 6, 4)), SPEC, r"\(-1, 6, 4\), expected \(N, 6, 4"),
        (dataclasses.replace(IMAGE, shape=(-1, 6, 4, None)), SPEC, "6x4x1 uint8"),
        (dataclasses.replace(IMAGE, shape=(-1, 1, 6, 4, 1)), SPEC, "6x4x1 uint8"),
        (dataclasses.replace(IMAGE, shape=(8, 6, 4, 1)), SPEC, "any number of images in, or one"),
    ],
)
def test_an_input_that_cannot_be_fed_is_refused(
    taken: Tensor, spec: ModelSpec, message: str
) -> None:
    """Rank, sides, channels, batch, type and the range of a quantized input must all fit."""
    with pytest.raises(ModelInvalid, match=message):
        Adapter("m", spec, [taken], [OUT])


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (Tensor("p", (-1, 3), "float32"), r"\(N, 2\), got \(-1, 3\)"),
        (Tensor("p", (-1, 1, 1), "float32"), r"got \(-1, 1, 1\)"),
        (Tensor("class", (-1,), "int64"), "before they become classes"),
        (Tensor("p", (-1, 1), "int8"), "gives -1x1 int8"),
        (Tensor("map", (), "seq(map(int64,tensor(float)))"), "before they become classes"),
    ],
)
def test_an_output_that_is_no_probability_is_refused(output: Tensor, message: str) -> None:
    """Three classes, maps, class numbers and integers without a scale, before any image is run."""
    with pytest.raises(ModelInvalid, match=message):
        Adapter("m", SPEC, [IMAGE], [output])


def test_several_inputs_or_outputs_are_named() -> None:
    """The message counts and names both sides."""
    age = Tensor("age", (-1, 1), "float32")
    with pytest.raises(ModelInvalid, match=r"got 2 \(x, age\) and 1 \(p\)"):
        Adapter("m", SPEC, [IMAGE, age], [OUT])
    with pytest.raises(ModelInvalid, match=r"got 1 \(x\) and 2 \(p, age\)"):
        Adapter("m", SPEC, [IMAGE], [OUT, age])


MAP = Tensor("map", (-1, 2, 3), "float32")


@pytest.mark.parametrize("outputs", [[OUT, MAP], [MAP, OUT]], ids=["last", "first"])
def test_a_map_is_read_where_it_is_asked_for(outputs: list[Tensor]) -> None:
    """It is known by its name, wherever it stands, and is not even taken otherwise."""
    adapter = Adapter("m", SPEC, [IMAGE], outputs)
    assert [outputs[position].name for position in adapter.wanted] == ["p"]
    scores = np.full((3, 1), 0.5, np.float32)
    assert adapter.run(images(), lambda _: [scores]).maps is None
    asked = Adapter("m", SPEC, [IMAGE], outputs, maps=True)
    assert [outputs[position].name for position in asked.wanted] == ["p", "map"]
    maps = np.arange(18, dtype=np.float32).reshape(3, 2, 3)
    np.testing.assert_array_equal(asked.run(images(), lambda _: [scores, maps]).maps, maps)
    with pytest.raises(ModelInvalid, match=r"of 3 images, got shape \(2, 2, 3\)"):
        asked.run(images(), lambda _: [scores, maps[:2]])


FEATURES = Tensor("features", (-1, 5), "float32")


@pytest.mark.parametrize("outputs", [[OUT, MAP, FEATURES], [FEATURES, OUT]])
def test_features_are_read_where_they_are_asked_for(outputs: list[Tensor]) -> None:
    """By their name, whatever the order and whatever else there is, and else not even fetched."""
    scores, values = np.full((3, 1), 0.5, np.float32), np.ones((3, 5), np.float32)
    adapter = Adapter("m", SPEC, [IMAGE], outputs)
    assert adapter.run(images(), lambda _: [scores]).features is None
    asked = Adapter("m", SPEC, [IMAGE], outputs, features=True)
    assert [outputs[position].name for position in asked.wanted] == ["p", "features"]
    np.testing.assert_array_equal(asked.run(images(), lambda _: [scores, values]).features, values)
    with pytest.raises(ModelInvalid, match="the output features to have 2 axes"):
        asked.run(images(), lambda _: [scores, values[:2]])


def test_maps_asked_of_a_model_without_any_are_none() -> None:
    """It answers as if nobody had asked."""
    adapter = Adapter("m", SPEC, [IMAGE], [OUT], maps=True)
    assert adapter.run(images(), lambda _: [np.full((3, 1), 0.5, np.float32)]).maps is None


@pytest.mark.parametrize(
    "other",
    [
        Tensor("attention", (-1, 2, 3), "float32"),
        Tensor("map", (-1, 2), "float32"),
        Tensor("map", (-1, 2, 3), "int32"),
    ],
)
def test_another_second_output_is_no_map(other: Tensor) -> None:
    """Name, axes and type must be those of a map; nothing is guessed."""
    with pytest.raises(ModelInvalid, match="or others named map of shape"):
        Adapter("m", SPEC, [IMAGE], [OUT, other])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([[0.4, 0.5]] * 3, "expected probabilities .softmax. that add up to 1, got 0.4, 0.5"),
        ([[3.0, -2.0]] * 3, "end the graph in a softmax"),
        ([[0.2, 0.3, 0.5]] * 3, r"got \(3, 3\)"),
        ([0.5], r"got \(1,\)"),
    ],
)
def test_what_comes_out_is_checked_again(given: list[Any], message: str) -> None:
    """A graph that leaves its output's shape open, or ends in logits, is caught when it runs."""
    adapter = Adapter("m", SPEC, [IMAGE], [Tensor("p", (), "float32")])
    with pytest.raises(ModelInvalid, match=message):
        adapter.run(images(), lambda _: [np.array(given, np.float32)])


IMAGENET = {
    "scale": tuple(1 / (255 * std) for std in (0.229, 0.224, 0.225)),
    "offset": tuple(-mean / std for mean, std in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))),
}


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(("dtype", "scale", "zero_point"), [("float32", 0, 0), ("int8", 0.04, 0)])
def test_each_channel_gets_its_own_scale(
    first: bool, dtype: str, scale: float, zero_point: int
) -> None:
    """(pixel / 255 - mean) / std of ImageNet reaches the network, in either layout."""
    got: list[np.ndarray] = []

    def call(batch: np.ndarray) -> list[np.ndarray]:
        got.append(batch.transpose(0, 2, 3, 1) if first else batch)
        return [np.zeros((len(batch), 1), np.float32)]

    shape = (-1, 3, HEIGHT, WIDTH) if first else (-1, HEIGHT, WIDTH, 3)
    taken = Tensor("x", shape, dtype, scale, zero_point)
    pixels = images(3)
    Adapter("m", spec_of(channels=3, **IMAGENET), [taken], [OUT]).run(pixels, call)
    wanted = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert got[0].dtype == dtype
    np.testing.assert_allclose(got[0] * (scale or 1), wanted, atol=1e-5 if not scale else 0.021)


LOGITS = np.array([[2.0, -1.0, 0.5], [-800.0, 800.0, 0.0], [0.0, 0.0, 0.0]], np.float32)
SOFTMAX = np.exp(LOGITS - LOGITS.max(axis=1, keepdims=True))
SOFTMAX /= SOFTMAX.sum(axis=1, keepdims=True)
THREE = {"classes": ("normal", "bacterial", "viral")}


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize(
    ("positive", "columns"), [("viral", [2]), (("bacterial", "viral"), [1, 2]), ("normal", [0])]
)
def test_a_named_class_of_several_is_read(
    logits: bool, positive: tuple[str, ...], columns: list[int]
) -> None:
    """The probability of the positive label is that of its classes, softmax done here or there."""
    values = OutputValues.LOGIT if logits else OutputValues.PROBABILITY
    spec = spec_of(OutputSpec(values, positive=positive, **THREE))
    adapter = Adapter("m", spec, [IMAGE], [Tensor("p", (-1, 3), "float32")])
    given = LOGITS if logits else SOFTMAX
    scores = adapter.run(images(), lambda _: [given]).scores
    assert scores.dtype == np.float32
    assert scores.max() <= 1
    np.testing.assert_allclose(scores, SOFTMAX[:, columns].sum(axis=1), atol=1e-6)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_one_logit_becomes_a_probability(shape: tuple[int, ...]) -> None:
    """By the sigmoid, for numbers of any size, and NaN stays with its image."""
    given = np.float32([-1000, -1, 3, 1000, np.nan]).reshape(shape)
    adapter = Adapter(
        "m", spec_of(OutputSpec(OutputValues.LOGIT)), [IMAGE], [Tensor("p", shape, "float32")]
    )
    scores = adapter.run(images(count=5), lambda _: [given]).scores
    np.testing.assert_allclose(scores, [0, 0.26894143, 0.95257413, 1, np.nan], atol=1e-7)


def test_two_logits_are_in_the_order_of_the_labels() -> None:
    """Two logits have the same order as two probabilities."""
    spec = spec_of(OutputSpec(OutputValues.LOGIT))
    adapter = Adapter("m", spec, [IMAGE], [Tensor("p", (-1, 2), "float32")])
    scores = adapter.run(images(count=1), lambda _: [np.float32([[1, 3]])]).scores
    np.testing.assert_allclose(scores, [1 / (1 + np.exp(-2))], atol=1e-7)


@pytest.mark.parametrize(
    ("columns", "message"), [(4, r"shape \(N, 3\), got \(-1, 4\)$"), (1, "N, 3")]
)
def test_as_many_columns_as_classes(columns: int, message: str) -> None:
    """Another number of them is a wrong spec or a wrong model."""
    spec = spec_of(OutputSpec(positive="viral", **THREE))
    with pytest.raises(ModelInvalid, match=message):
        Adapter("m", spec, [IMAGE], [Tensor("p", (-1, columns), "float32")])


def test_several_columns_without_names_are_told_how() -> None:
    """The message shows the field of the spec that is missing."""
    with pytest.raises(ModelInvalid, match='"classes"'):
        Adapter("m", SPEC, [IMAGE], [Tensor("p", (-1, 3), "float32")])


def test_a_image_without_an_answer_fails_alone() -> None:
    """NaN is handed on for its image; the others keep their probability."""
    given = np.array([[0.4, 0.6], [np.nan, np.nan], [0.9, 0.1]], np.float32)
    adapter = Adapter("m", SPEC, [IMAGE], [Tensor("p", (-1, 2), "float32")])
    scores = adapter.run(images(), lambda _: [given]).scores
    np.testing.assert_array_equal(scores, np.float32([0.6, np.nan, 0.1]))


def test_logits_of_a_real_graph_are_refused(tmp_path: Path) -> None:
    """Two columns before their softmax are not taken for probabilities."""
    path = network(tmp_path / "m.onnx", columns=2, softmax=False)
    runtime = open_artefact(str(path), spec=SCALED).runtime
    with pytest.raises(ModelInvalid, match=r"m\.onnx: expected probabilities \(softmax\)"):
        runtime.run(images())


@pytest.mark.parametrize("runtime", runtimes(".onnx"))
@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "absolute"])
@pytest.mark.parametrize("inside", [False, True])
def test_weights_outside_the_file_are_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str, inside: bool, runtime: str
) -> None:
    """Wherever they lie and wherever the command is started, the message says how to save it."""
    folder = tmp_path / "models"
    folder.mkdir()
    graph = onnx.load(network(tmp_path / "whole.onnx"))
    options = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 64}
    onnx.save_model(graph, folder / "m.onnx", **options)
    (tmp_path / "weights.bin").write_bytes((folder / "weights.bin").read_bytes())
    if location != "weights.bin":
        graph = onnx.load(folder / "m.onnx", load_external_data=False)
        place = str(tmp_path / "weights.bin") if location == "absolute" else location
        for tensor in graph.graph.initializer:
            for entry in tensor.external_data:
                entry.value = place if entry.key == "location" else entry.value
        (folder / "m.onnx").write_bytes(graph.SerializeToString())
    monkeypatch.chdir(folder if inside else tmp_path)
    with pytest.raises(ModelInvalid, match=r"one file.*onnx\.save\(onnx\.load\(path\), 'one"):
        open_artefact(str(folder / "m.onnx"), runtime, spec=SCALED)
