"""The first layer at which two artefacts of one network part."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime as ort
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from fakes import ROOT
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from cxr_edge.errors import CxrError, DataError, ModelError, ModelInvalid, UsageError
from cxr_edge.models.open import open_artefact
from cxr_edge.spec.embedding import append_spec
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.training.architectures import build_network
from cxr_export.convert.onnx import export_onnx
from cxr_export.convert.tflite import export_tflite
from cxr_export.parity.activations.litert import _operations
from cxr_export.parity.activations.open import open_probe
from cxr_export.parity.bisect import TOLERANCES, bisect
from cxr_export.parity.layers import LayerComparison, LayerDifference

pytestmark = pytest.mark.xdist_group("bisect")

NETWORKS = {"edge": 64, "cnn-pooled": 32}
TOLERANCE = TOLERANCES["fp32"]
CONVOLUTION = {"edge": "stage3_pair_a_conv", "cnn-pooled": "conv2d_2"}
"""In the middle; its weights will be changed."""
RESULT = {"edge": "stage3_pair_a_relu", "cnn-pooled": "conv2d_2"}
"""The layer at which that shows: batch norm and activation are fused into a convolution."""


def images(side: int, number: int = 6) -> NDArray[np.uint8]:
    """More of them than go through a network at a time, and no multiple of that."""
    return np.random.default_rng(0).integers(0, 256, (number, side, side, 1), np.uint8)


def as_trained(model: keras.Model) -> None:
    """Give biases and batch norms values that exporters cannot drop, as training does."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            noise = [rng.normal(0, 0.2, gamma.shape) for _ in range(3)]
            layer.set_weights([gamma + noise[0], beta + noise[1], mean + noise[2], variance])
        elif getattr(layer, "use_bias", False):
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(0, 0.1, bias.shape)])


def export(model: keras.Model, folder: Path, formats: tuple[str, ...] = ("onnx", "tflite")) -> None:
    """Write model.keras, and model.onnx and model.tflite where wanted."""
    spec = ModelSpec(
        name=model.name,
        labels=("NORMAL", "PNEUMONIA"),
        input=InputSpec(*model.inputs[0].shape[1:]),
        operating_points=(OperatingPoint("study", 0.5),),
        default_operating_point="study",
    )
    model.save(folder / "model.keras")
    append_spec(folder / "model.keras", spec)
    if "onnx" in formats:
        export_onnx(model, spec, folder / "model.onnx")
    if "tflite" in formats:
        export_tflite(model, spec, folder / "model.tflite")


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with the artefacts of small networks."""
    keras.utils.set_random_seed(1)
    folders = {}
    for name, side in NETWORKS.items():
        keras.utils.clear_session()  # layers are counted from one, whatever was built before
        model = build_network(name, InputSpec(side, side))
        as_trained(model)
        folders[name] = tmp_path_factory.mktemp(name)
        export(model, folders[name])
    return folders


@pytest.fixture(scope="session")
def int8(exports: dict[str, Path]) -> Path:
    """The network ``edge`` as ONNX in int8, quantized and dequantized at each operator."""

    class Images(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.batches = iter([{"image": images(64, 32)}])

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            return next(self.batches, None)

    folder = exports["edge"]
    quant_pre_process(
        str(folder / "model.onnx"), str(folder / "fused.onnx"), skip_symbolic_shape=True
    )
    quantization.quantize_static(
        str(folder / "fused.onnx"),
        str(folder / "model.int8.onnx"),
        Images(),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        reduce_range=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )
    return folder / "model.int8.onnx"


@pytest.fixture(scope="session")
def int8_tflite(exports: dict[str, Path]) -> Path:
    """The network ``cnn-pooled`` as TFLite in int8."""
    folder = exports["cnn-pooled"]
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    model.export(
        folder / "model.int8.tflite",
        format="litert",
        verbose=False,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=lambda: ([image[np.newaxis]] for image in images(32, 16)),
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
    )
    return folder / "model.int8.tflite"


def change_onnx(source: Path, target: Path, layer: str, value: float) -> None:
    """Set one weight of a convolution."""
    graph = onnx.load(source)
    after = next(node for node in graph.graph.node if layer in node.output[0])
    before = {node.output[0]: node for node in graph.graph.node}
    node = after if after.op_type == "Conv" else before[after.input[0]]
    assert node.op_type == "Conv"
    weights = next(one for one in graph.graph.initializer if one.name == node.input[1])
    values = numpy_helper.to_array(weights).copy()
    values[0, 0, 0, 0] = value
    weights.CopyFrom(numpy_helper.from_array(values, weights.name))
    onnx.save(graph, target)


def change_tflite(source: Path, target: Path, layer: str, value: float) -> None:
    """Set one weight of a convolution, in its place in the file."""
    data = bytearray(source.read_bytes())
    model = schema.Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    operators = [graph.Operators(number) for number in range(graph.OperatorsLength())]
    names = [graph.Tensors(one.Outputs(0)).Name().decode() for one in operators]
    operator = next(one for one, name in zip(operators, names, strict=True) if layer in name)
    weights = model.Buffers(graph.Tensors(operator.Inputs(1)).Buffer()).DataAsNumpy()
    weights.view(np.float32)[0] = value
    target.write_bytes(data)


CHANGE: dict[str, Callable[[Path, Path, str, float], None]] = {
    "model.onnx": change_onnx,
    "model.tflite": change_tflite,
}


def layer_names(layers: tuple[LayerDifference, ...]) -> list[str]:
    return [layer.layer for layer in layers]


@pytest.mark.slow
@pytest.mark.parametrize("candidate", CHANGE)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_faithful_export_has_no_guilty_layer(
    exports: dict[str, Path], network: str, candidate: str
) -> None:
    """Every activation, the pooled features and the answer are compared and agree to 1e-4."""
    folder = exports[network]
    found = bisect(folder / "model.keras", folder / candidate, images(NETWORKS[network]), TOLERANCE)
    assert found.first is None
    assert found.suspects == ()
    assert "agrees with model.keras in every layer" in found.verdict
    compared = layer_names(found.layers)
    assert compared == [name for name in found.order if name in compared]
    assert compared[-1] == "probability"
    wanted = [name for name in found.order if "relu" in name or name.startswith(("conv2d", "pool"))]
    assert set(compared) >= set(wanted)
    assert len(wanted) >= 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "files", [("model.onnx", "model.tflite"), ("model.tflite", "model.onnx")], ids=str
)
@pytest.mark.parametrize("network", NETWORKS)
def test_artefacts_are_compared_without_keras(
    exports: dict[str, Path], network: str, files: tuple[str, str]
) -> None:
    """ONNX and TFLite agree with each other, whichever is the reference."""
    reference, candidate = (exports[network] / name for name in files)
    found = bisect(reference, candidate, images(NETWORKS[network]), TOLERANCE)
    assert found.first is None
    assert len(found.layers) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("candidate", CHANGE)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_changed_weight_is_found(
    exports: dict[str, Path], tmp_path: Path, network: str, candidate: str
) -> None:
    """Its layer is named or among what was fused; those before agree, and both are described."""
    folder = exports[network]
    CHANGE[candidate](folder / candidate, tmp_path / candidate, RESULT[network], 2.0)
    found = bisect(
        folder / "model.keras", tmp_path / candidate, images(NETWORKS[network]), TOLERANCE
    )
    assert found.first
    assert found.first.layer == RESULT[network]
    assert CONVOLUTION[network] in found.suspects
    assert found.suspects[-1] == RESULT[network]
    assert len(found.suspects) <= 3
    assert (
        f"{candidate}: first layer that differs from model.keras: {RESULT[network]}"
        in found.verdict
    )
    before = found.layers[: found.layers.index(found.first)]
    assert len(before) >= 3
    assert all(layer.relative_error < TOLERANCE for layer in before)
    assert found.first.max_difference > 0.1
    assert found.first.reference.mean != pytest.approx(found.first.candidate.mean, rel=1e-4)
    assert f"{RESULT[network]} (differs)" in [row[0] for row in found.table().rows]


@pytest.mark.slow
def test_nan_is_a_difference(exports: dict[str, Path], tmp_path: Path) -> None:
    """It is found where it arises, whatever the tolerance, and its share is told."""
    folder = exports["cnn-pooled"]
    change_onnx(folder / "model.onnx", tmp_path / "model.onnx", "conv2d_2", np.nan)
    found = bisect(folder / "model.keras", tmp_path / "model.onnx", images(32), 1e9)
    assert found.first
    assert found.first.layer == "conv2d_2"
    assert found.first.relative_error == np.inf
    assert found.first.reference.not_finite == 0
    assert found.first.candidate.not_finite == pytest.approx(1 / 128)  # one of its channels
    assert "0.78% not finite" in str(found.table())


@pytest.mark.slow
def test_a_fold_that_keeps_a_name_is_no_false_alarm(tmp_path: Path) -> None:
    """A batch norm without bias folded into a convolution named like before is the batch norm."""
    model = build_network("edge", InputSpec(64, 64))  # untrained: its batch norms have no bias
    export(model, tmp_path, ("tflite",))
    found = bisect(tmp_path / "model.keras", tmp_path / "model.tflite", images(64), TOLERANCE)
    assert found.first is None
    by_name = {layer.layer: layer for layer in found.layers}
    assert by_name["stage3_pair_b_norm"].tensor.startswith("edge_1/stage3_pair_b_conv")
    assert "stage3_pair_b_conv" not in by_name


@pytest.mark.slow
def test_layers_of_a_sequence_are_found(tmp_path: Path) -> None:
    """Keras counts the layers of a Sequential, and of a model in it, by their own names."""
    inner = keras.Sequential(
        [keras.Input((16, 16, 1)), keras.layers.Conv2D(4, 3), keras.layers.ReLU()], name="inner"
    )
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            inner,
            keras.layers.Flatten(),
            keras.layers.Dense(4),
            keras.layers.ReLU(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    as_trained(model)
    export(model, tmp_path)
    for candidate in CHANGE:
        found = bisect(tmp_path / "model.keras", tmp_path / candidate, images(16), TOLERANCE)
        assert found.first is None
        assert sum("re_lu" in name for name in layer_names(found.layers)) == 2
    found = bisect(tmp_path / "model.tflite", tmp_path / "model.onnx", images(16), TOLERANCE)
    assert found.first is None  # where TFLite alone fused the dense layer with what follows
    assert any("dense" in name and "re_lu" in name for name in layer_names(found.layers))


@pytest.mark.slow
def test_int8_layers_are_read_as_floats(exports: dict[str, Path], int8: Path) -> None:
    """Dequantized, they follow the originals: within the tolerance for int8, not for fp32."""
    found = bisect(exports["edge"] / "model.keras", int8, images(64), TOLERANCES["int8"])
    assert found.first is None, found
    assert len(found.layers) >= 14
    assert max(layer.relative_error for layer in found.layers) > 100 * TOLERANCE
    for layer in found.layers:
        scale = layer.reference.deviation
        assert layer.candidate.mean == pytest.approx(layer.reference.mean, abs=0.2 * scale + 1e-3)


@pytest.mark.slow
def test_int8_layers_of_tflite_are_read_as_floats(
    exports: dict[str, Path], int8_tflite: Path
) -> None:
    """Scale and zero point are taken off, so that they follow the originals."""
    folder = exports["cnn-pooled"]
    found = bisect(folder / "model.keras", int8_tflite, images(32), TOLERANCES["int8"])
    assert found.first is None, found
    assert len(found.layers) >= 7
    assert max(layer.relative_error for layer in found.layers) > 10 * TOLERANCE


@pytest.mark.slow
def test_a_wrong_calibration_is_found(exports: dict[str, Path], int8: Path, tmp_path: Path) -> None:
    """A range that cuts values off is told from the rounding of int8, at the tensor it is of."""
    graph = onnx.load(int8)
    scale = next(
        one
        for one in graph.graph.initializer
        if one.name.endswith("stage3_pair_a_relu_1/Relu6:0_scale")
    )
    scale.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(scale) / 4, scale.name))
    onnx.save(graph, tmp_path / "model.onnx")
    found = bisect(exports["edge"] / "model.keras", tmp_path / "model.onnx", images(64), 0.1)
    assert found.first
    assert found.first.layer == "stage3_pair_a_relu"
    assert found.first.candidate.maximum == pytest.approx(found.first.reference.maximum / 4, 0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.keras", "model.onnx", "model.int8.onnx", "model.tflite"])
def test_reading_layers_does_not_change_the_answer(
    exports: dict[str, Path], int8: Path, name: str
) -> None:
    """The probe computes what a runtime does, with the same integer kernels where there are."""
    pixels = images(64)
    probe = open_probe(exports["edge"] / name)
    values = probe.run(pixels)
    assert len(values) == len(probe.tensors)
    (answer,) = (
        value
        for tensor, value in zip(probe.tensors, values, strict=True)
        if "output" in tensor.operations
    )
    if name == "model.int8.onnx":
        (expected,) = ort.InferenceSession(int8).run(None, {"image": pixels})
        np.testing.assert_array_equal(answer, expected)
    else:
        expected = open_artefact(str(exports["edge"] / "model.onnx")).runtime.run(pixels).scores
        np.testing.assert_allclose(answer.reshape(-1), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("candidate", CHANGE)
def test_the_default_model_agrees_layer_by_layer(candidate: str) -> None:
    """No layer of the embedded artefacts is off by more than 1e-4."""
    folder = ROOT / "toolkit" / "cxr_edge" / "models" / "default"
    pixels = images(open_artefact().spec.input.height, 1)
    found = bisect(folder / "model.keras", folder / candidate, pixels, TOLERANCE)
    assert found.first is None, found
    assert len(found.layers) > 30


@pytest.mark.slow
def test_two_networks_are_not_compared(exports: dict[str, Path], tmp_path: Path) -> None:
    """The message names both files and says what to do."""
    export(build_network("dense", InputSpec(32, 32)), tmp_path, ("onnx",))
    with pytest.raises(ModelInvalid, match=r"model\.keras and .*no layer.*export both"):
        bisect(exports["cnn-pooled"] / "model.keras", tmp_path / "model.onnx", images(32), 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.keras", "model.onnx", "model.tflite"])
def test_images_of_another_size_are_refused(exports: dict[str, Path], name: str) -> None:
    """Every library's own error becomes ours, with the file in it."""
    path = exports["cnn-pooled"] / name
    with pytest.raises(ModelError, match=rf"{name}.* failed on a batch"):
        open_probe(path).run(images(31))


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("absent.onnx", UsageError, "does not exist"),
        ("model.h5", UsageError, r"expected a \.keras, \.onnx or \.tflite"),
        ("model.keras", ModelInvalid, "expected a Keras 3 model"),
        ("model.onnx", ModelInvalid, "expected an ONNX model"),
        ("model.tflite", ModelInvalid, "expected a TFLite model"),
    ],
)
def test_what_is_no_model_is_refused(
    tmp_path: Path, name: str, error: type[CxrError], message: str
) -> None:
    """Whatever the suffix promises."""
    if not name.startswith("absent"):
        (tmp_path / name).write_bytes(b"no model at all")
    with pytest.raises(error, match=message):
        open_probe(tmp_path / name)


@pytest.mark.parametrize("shape", [(0, 8, 8, 1), (8, 8, 1)])
def test_without_images_nothing_is_compared(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """No image, no proof."""
    with pytest.raises(DataError, match="expected images to compare on"):
        bisect(tmp_path, tmp_path, np.zeros(shape, np.uint8), 1.0)


@pytest.mark.parametrize(
    ("expected", "got", "error"),
    [
        ([3.0, 4.0], [3.0, 4.0], 0.0),
        ([3.0, 4.0], [3.0, 4.5], 0.1),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([0.0, 0.0], [0.0, 1e-9], np.inf),
        ([np.inf, np.nan], [np.inf, np.nan], 0.0),
        ([1.0, 1.0], [1.0, np.nan], np.inf),
        ([1.0, np.inf], [1.0, 1.0], np.inf),
    ],
)
def test_relative_error(expected: list[float], got: list[float], error: float) -> None:
    """RMS of the difference over RMS of the reference; NaN and infinity equal only themselves."""
    comparison = LayerComparison()
    for one, other in zip(expected, got, strict=True):  # image by image
        comparison.add(np.array([[one]], np.float32), np.array([[other]], np.float32))
    assert comparison.error == pytest.approx(error)
    assert comparison.result("layer", "tensor").relative_error == comparison.error


def test_statistics_are_those_of_all_images() -> None:
    """Batches added one after the other give what numpy gives on all; what is no number is out."""
    values = np.random.default_rng(0).normal(3, 2, (5, 4, 4, 2)).astype(np.float32)
    other = values.copy()
    other[0, 0, 0, 0] = np.nan
    comparison = LayerComparison()
    comparison.add(values[:3], other[:3])
    comparison.add(values[3:], other[3:])
    found = comparison.result("layer", "tensor")
    assert found.shape == (4, 4, 2)
    one = found.reference
    expected = (values.min(), values.max(), values.mean(), values.std())
    assert (one.minimum, one.maximum, one.mean, one.deviation) == pytest.approx(expected)
    assert one.not_finite == 0
    assert found.candidate.not_finite == pytest.approx(1 / values.size)
    assert found.candidate.mean == pytest.approx(np.nanmean(other))


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("n/a/Relu;n/b/add_1;n/b/mul", {"n/a/Relu"}),
        ("n/a/MatMul;n/a/Add", {"n/a/MatMul", "n/a/Add"}),
        ("n/a/MatMul;n/b/Relu;n/a/Add1", {"n/a/MatMul", "n/a/Add1", "n/a/Add"}),
        ("n/a/Relu61", {"n/a/Relu61", "n/a/Relu6", "n/a/Relu"}),
    ],
)
def test_fused_names(name: str, operations: set[str]) -> None:
    """The operations of the layer that comes first, with and without added digits."""
    assert set(_operations(name)) == operations
