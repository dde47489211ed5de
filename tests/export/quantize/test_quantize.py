"""Artefacts of fewer bits: made by the real quantizers, from a network that was trained."""

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from cxr_edge.datasets.image_set import ImageSet, load_images
from cxr_edge.datasets.training_images import TrainingImages
from cxr_edge.errors import DataError, UsageError
from cxr_edge.models.checksums import check_checksums
from cxr_edge.models.locate import package_spec
from cxr_edge.models.open import open_artefact
from cxr_edge.models.package import FORMATS
from cxr_edge.runtimes.base import Scores
from cxr_edge.runtimes.batches import run_in_batches
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.precision import Precision
from cxr_edge.spec.quantization import Quantization
from cxr_export.packaging.request import Request, choose_images
from cxr_export.parity.images import divide, even_choice, list_parity_images
from cxr_export.quantize.onnx_int8 import OnnxInt8
from cxr_export.quantize.plan import ENTROPY, MINMAX, PERCENTILE, QuantizationPlan
from cxr_export.quantize.tflite import TfliteQuantizer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("quantize")]

Weights: TypeAlias = NDArray[np.float32]

LOOSE = ("--flips", 1, "--auc-loss", 1, "--sensitivity-loss", 1, "--fp16-difference", 1)
FEW_BITS = ("model.fp16.tflite", "model.int8.onnx", "model.int8.tflite", "model.dynamic.tflite")


@pytest.fixture(scope="module")
def images(package: Path, class_folders: Path) -> ImageSet:
    spec = package_spec(package)
    listed = list_parity_images([class_folders], spec.labels)
    return load_images(even_choice(listed, 48), spec.labels, spec.input)


@pytest.fixture(scope="module")
def expected(package: Path, images: ImageSet) -> Scores:
    return scores(package / "model.onnx", images)


@pytest.fixture(scope="module")
def everything(
    tmp_path_factory: pytest.TempPathFactory, run_folder: Path, class_folders: Path
) -> Path:
    """A package with all formats; the gates are open, for a network trained on two epochs."""
    from typer.testing import CliRunner

    from cxr_edge.cli.app import app

    out = tmp_path_factory.mktemp("all") / "p"
    words = ("export", run_folder / "model.keras", "-o", out, "--calibration", class_folders)
    result = CliRunner().invoke(app, [str(word) for word in (*words, *LOOSE)])
    assert result.exit_code == 0, result.output
    return out


def write(quantizer: Any, plan: QuantizationPlan, package: Path, path: Path) -> Path:
    spec = package_spec(package)
    quantizer.write(plan, spec, path)
    assert open_artefact(str(path)).spec == spec
    return path


def scores(path: Path, images: ImageSet) -> Scores:
    return run_in_batches(open_artefact(str(path)).runtime, images.pixels).scores


def difference(path: Path, images: ImageSet, expected: Scores) -> float:
    return float(np.abs(scores(path, images) - expected).mean())


@pytest.mark.parametrize("calibrator", [MINMAX, PERCENTILE, ENTROPY])
def test_onnx_int8_stays_near_the_float_graph(
    package: Path, images: ImageSet, expected: Scores, tmp_path: Path, calibrator: str
) -> None:
    """Each calibrator gives a QDQ graph of at most 30 % of the size, off by a little."""
    quantizer = OnnxInt8(package / "model.onnx", images.pixels, tmp_path)
    path = write(quantizer, QuantizationPlan(calibrator, 48), package, tmp_path / "q.onnx")
    assert path.stat().st_size <= 0.3 * (package / "model.onnx").stat().st_size
    assert 0 < difference(path, images, expected) < 0.05
    graph = onnx.load(path).graph
    kinds = {node.op_type for node in graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    weights = [numpy_helper.to_array(t) for t in graph.initializer if t.data_type == t.INT8]
    assert max(np.abs(w.astype(int)).max() for w in weights if w.ndim == 4) <= 64  # 7 bits


def quantized_activations(graph: onnx.GraphProto) -> set[str]:
    return {node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}


def weights_and_step(graph: onnx.GraphProto, layer: str) -> tuple[Weights, Weights]:
    """Return a layer's weights as they are computed with, and the step they are rounded to."""
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    name = next(node for node in graph.node if node.name == layer).input[1]
    if name in tensors:
        return tensors[name], np.zeros((), np.float32)
    made = next(node for node in graph.node if node.output[0] == name)
    rounded, scale = (tensors[part] for part in made.input[:2])
    (axis,) = (attribute.i for attribute in made.attribute if attribute.name == "axis")
    shape = [1] * rounded.ndim
    shape[axis] = -1
    return rounded * scale.reshape(shape), scale.reshape(shape)


def test_onnx_layers_stay_in_float_or_keep_float_activations(
    package: Path, images: ImageSet, expected: Scores, tmp_path: Path
) -> None:
    """Weights alone: off by half a step of 8 bits, activations as beside layers in float."""
    quantizer = OnnxInt8(package / "model.onnx", images.pixels, tmp_path)
    layers = quantizer.layers
    assert "stem_norm" in layers[0]
    assert "probability" in layers[-1]
    graphs, sizes = [], []
    for plan in (
        QuantizationPlan(MINMAX, 48),
        QuantizationPlan(MINMAX, 48, weights_only=layers),
        QuantizationPlan(MINMAX, 48, float_layers=layers),
    ):
        path = write(quantizer, plan, package, tmp_path / "q.onnx")
        assert 0 < difference(path, images, expected) < 0.05
        graphs.append(onnx.load(path).graph)
        sizes.append(path.stat().st_size)
    assert sizes[1] < 1.2 * sizes[0]
    assert sizes[2] > 3 * sizes[0]
    everything, weights_only, in_float = map(quantized_activations, graphs)
    assert weights_only == in_float
    assert len(in_float) < len(everything)
    for layer in layers:
        exact, _ = weights_and_step(graphs[2], layer)
        rounded, step = weights_and_step(graphs[1], layer)
        others = tuple(axis for axis, side in enumerate(step.shape) if side == 1)
        largest = np.abs(exact).max(axis=others, keepdims=True)
        np.testing.assert_allclose(step, largest / 127, rtol=1e-5)
        assert np.all(np.abs(rounded - exact) < 0.501 * step)


@pytest.mark.parametrize(
    ("precision", "share", "limit"),
    [("fp16", 0.55, 1e-3), ("dynamic", 0.3, 0.05), ("int8", 0.3, 0.05)],
)  # fmt: skip
def test_tflite_of_fewer_bits_stays_near_the_float_graph(
    package: Path, images: ImageSet, expected: Scores, tmp_path: Path,
    precision: str, share: float, limit: float,
) -> None:  # fmt: skip
    """Smaller by what was promised, off by a little; with all layers in float, as large."""
    source = package / "model.tflite"
    quantizer = TfliteQuantizer(Precision(precision), source, images.pixels)
    assert "probability" in quantizer.layers[-1]
    path = write(quantizer, QuantizationPlan(MINMAX, 48), package, tmp_path / "q.tflite")
    assert path.stat().st_size <= share * source.stat().st_size
    assert 0 < difference(path, images, expected) < limit
    plan = QuantizationPlan(MINMAX, 48, float_layers=quantizer.layers)
    path = write(quantizer, plan, package, tmp_path / "f.tflite")
    assert path.stat().st_size > 0.9 * source.stat().st_size


def test_noise_is_no_calibration_set(
    run_folder: Path, class_folders: Path, cxr: Callable[..., Any], tmp_path: Path
) -> None:
    """Ranges measured on noise lose the images' decisions: told by the gate, exit code 4."""
    rng = np.random.default_rng(0)
    noise = tmp_path / "noise"
    noise.mkdir()
    for number in range(40):
        gray = rng.integers(120, 136, (64, 64), np.uint8)
        assert cv2.imwrite(str(noise / f"{number}.png"), gray)
    words = ("export", run_folder / "model.keras", "-o", tmp_path / "p", "--formats", "onnx-int8")
    result = cxr(*words, "--calibration", noise, "--data", class_folders)
    assert result.exit_code == 4, result.output
    assert "labels differ" in result.output
    assert "no package was made" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["noise"]


def test_a_package_with_every_format(everything: Path, cxr: Callable[..., Any]) -> None:
    """All files are there, their specs say how they were made, and the card shows the parity."""
    check_checksums(everything)
    for name in FEW_BITS:
        made = open_artefact(str(everything / name)).spec.quantization
        assert made
        assert (len(made.films) > 0) == (made.precision == "int8")
    assert package_spec(everything).quantization is None
    findings = json.loads((everything / "parity.json").read_text())
    assert set(findings["attempts"]) == set(FEW_BITS)
    assert len(findings["artefacts"]) == 6
    card = (everything / "README.md").read_text()
    assert "## Parity" in card
    assert all(f"| {name} |" in card for name in FEW_BITS)
    cxr("verify", everything, "--data", everything.parent, *LOOSE)  # no image: nothing is written
    assert json.loads((everything / "parity.json").read_text()) == findings


def test_the_attempts_outlive_another_comparison(
    everything: Path, class_folders: Path, cxr: Callable[..., Any], tmp_path: Path
) -> None:
    """cxr verify replaces the figures and keeps what was tried at the export."""
    copy = tmp_path / "p"
    shutil.copytree(everything, copy)
    before = json.loads((copy / "parity.json").read_text())
    result = cxr("verify", copy, "--data", class_folders, *LOOSE)
    assert result.exit_code == 0
    assert "model.int8.onnx was calibrated with 96 of the images" in result.output
    assert "model.fp16.tflite was calibrated" not in result.output
    after = json.loads((copy / "parity.json").read_text())
    assert after["films"] == 120 != before["films"]
    assert after["attempts"] == before["attempts"]


def test_the_same_model_and_images_give_the_same_bytes(
    everything: Path, run_folder: Path, class_folders: Path, cxr: Callable[..., Any], tmp_path: Path
) -> None:
    """TFLite and the spec byte for byte; ONNX in its answers: tf2onnx names equal nodes anew."""
    words = ("export", run_folder / "model.keras", "-o", tmp_path / "p")
    result = cxr(*words, "--calibration", class_folders, *LOOSE)
    assert result.exit_code == 0, result.output
    images = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 1), np.uint8)
    for name in (*FEW_BITS, "model.onnx", "model.tflite", "spec.json"):
        made, before = tmp_path / "p" / name, everything / name
        if name.endswith(".onnx"):
            given, wanted = (open_artefact(str(one)).runtime.run(images) for one in (made, before))
            np.testing.assert_allclose(given.scores, wanted.scores, rtol=0, atol=1e-6)
        else:  # by digest: pytest would compare megabytes that differ until its time is up
            assert sha256(made.read_bytes()).digest() == sha256(before.read_bytes()).digest(), name


def test_what_never_passes_is_withheld(
    run_folder: Path, class_folders: Path, cxr: Callable[..., Any], tmp_path: Path
) -> None:
    """Exit code 4 names it; the rest of the package is there and whole."""
    words = ("export", run_folder / "model.keras", "-o", tmp_path / "p")
    formats = ("--formats", "onnx,tflite-fp16", "--calibration", class_folders)
    result = cxr(*words, *formats, "--fp16-difference", 0)
    assert result.exit_code == 4
    assert "model.fp16.tflite" in result.output
    names = {path.name for path in (tmp_path / "p").iterdir()}
    assert "model.onnx" in names
    assert "model.fp16.tflite" not in names
    check_checksums(tmp_path / "p")
    findings = json.loads((tmp_path / "p" / "parity.json").read_text())
    tried = findings["attempts"]["model.fp16.tflite"]
    assert tried[0]["attempt"] == "all layers"
    assert tried[-1]["attempt"].endswith("most sensitive in float")
    assert not any(attempt["passed"] for attempt in tried)
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def test_unreadable_calibration_images_are_counted(
    run_folder: Path, class_folders: Path, cxr: Callable[..., Any], tmp_path: Path
) -> None:
    """They are left out, and that is said."""
    images = tmp_path / "images"
    shutil.copytree(class_folders, images)
    (images / "NORMAL" / "IM-9999-0001.png").write_text("no image")
    listed = list_parity_images([images], ("NORMAL", "PNEUMONIA"))
    spec = package_spec_of(run_folder)
    assert spec.provenance
    known = TrainingImages.read(run_folder, spec.provenance.data_sha256)
    calibration, judged = divide(listed, spec, known)
    side = "calibration images" if len(calibration) > 96 else "files"
    assert len(calibration) + len(judged) == 121
    words = ("export", run_folder / "model.keras", "-o", tmp_path / "p", "--formats", "onnx")
    result = cxr(*words, "--calibration", images)
    assert result.exit_code == 0, result.output
    assert f"1 {side} could not be read" in result.output


def package_spec_of(run_folder: Path) -> ModelSpec:
    from cxr_export.keras_models.load import load_original

    return load_original(run_folder / "model.keras").spec


def test_images_are_asked_for() -> None:
    """Formats of fewer bits are never calibrated on whatever is at hand."""
    with pytest.raises(UsageError, match="--calibration"):
        Request(formats=("onnx", "onnx-int8"))
    with pytest.raises(UsageError, match="expected some of onnx"):
        Request(formats=("onnx", "pdf"))
    assert Request(formats=("onnx",)).left_out == []


def test_without_images_what_needs_none_is_made() -> None:
    """The others are left out by name, unless images are given or formats are named."""
    request = Request()
    assert [kind.name for kind in request.kinds] == ["onnx", "tflite"]
    assert request.left_out == ["tflite-fp16", "onnx-int8", "tflite-int8", "tflite-dynamic"]
    everything = Request(calibration=[Path("images")])
    assert [kind.name for kind in everything.kinds] == [*FORMATS]
    assert everything.left_out == []


def test_calibration_and_judgement_share_no_patient(package: Path, class_folders: Path) -> None:
    """Judged is on the validation images that the package lists, calibrated on the others."""
    spec: ModelSpec = package_spec(package)
    assert spec.provenance
    known = TrainingImages.read(package, spec.provenance.data_sha256)
    calibration, judged = divide(list_parity_images([class_folders], spec.labels), spec, known)
    assert {image.patient for image in calibration}.isdisjoint(image.patient for image in judged)
    assert len(judged) == spec.provenance.validation_films
    first = even_choice(calibration, 20)
    assert [image.label for image in first].count(1) == 10
    assert even_choice(calibration, 40)[:20] == first


def test_images_judged_on_are_of_both_classes_and_calibrated_with_nowhere(tmp_path: Path) -> None:
    """Each class is parted by patient; copies under another name are left out too."""
    rng = np.random.default_rng(0)
    for label, count in (("NORMAL", 30), ("PNEUMONIA", 2)):
        (tmp_path / label).mkdir()
        for number in range(count):
            image = rng.integers(0, 256, (16, 16), np.uint8)
            cv2.imwrite(str(tmp_path / label / f"{label[0]}{number}.png"), image)
    spec = ModelSpec(
        "tiny", ("NORMAL", "PNEUMONIA"), InputSpec(8, 8), (OperatingPoint("study", 0.5),), "study"
    )
    calibration, judged = divide(list_parity_images([tmp_path], spec.labels), spec, None)
    assert {image.label for image in judged} == {image.label for image in calibration} == {0, 1}
    assert len(judged) == 10
    copies = tmp_path.parent / f"{tmp_path.name}-copies"
    shutil.copytree(tmp_path, copies)
    (copies / "NORMAL" / "N0.png").rename(copies / "NORMAL" / "renamed.png")
    with pytest.raises(DataError, match="other than those judged on"):
        choose_images(Request(calibration=[copies], data=[tmp_path]), spec, None)


def test_a_quantization_goes_round() -> None:
    """To JSON and back."""
    made = Quantization("int8", MINMAX, 1, ("a" * 64,), ("head",), ("stem",))
    assert Quantization.from_dict(json.loads(json.dumps(made.to_dict()))) == made
