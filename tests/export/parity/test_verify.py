"""Export and the proof that nothing was lost on the way."""

import errno
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fakes import SAMPLES, FakeRuntime
from numpy.typing import NDArray
from onnx import numpy_helper
from statistics_of import statistics

from cxr_edge.datasets.image_set import ImageSet, load_images
from cxr_edge.errors import DataError, ModelInvalid, ParityError, SpecUnknown
from cxr_edge.models.checksums import read_checksums, write_checksums
from cxr_edge.models.gates import GATES, Gate
from cxr_edge.models.locate import package_spec
from cxr_edge.models.open import open_artefact
from cxr_edge.models.package import FORMATS
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.embedding import SPEC_KEY
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.cli.gate_options import GateOptions
from cxr_export.parity import verify as parity
from cxr_export.parity.images import list_parity_images
from cxr_export.parity.report import ParityReport
from cxr_export.parity.scoring import BATCH_SIZES
from cxr_export.parity.verify import verify_package

pytestmark = pytest.mark.slow


@pytest.fixture
def copy(package: Path, tmp_path: Path) -> Path:
    """A package that may be damaged."""
    shutil.copytree(package, tmp_path / "package")
    return tmp_path / "package"


def load(package: Path, data: Sequence[Path]) -> ImageSet:
    spec = package_spec(package)
    listed = list_parity_images(data, spec.labels)
    return load_images(listed, spec.labels, spec.input, skip_unreadable=True)


def verify(package: Path, folder: Path, gates: dict[str, Gate] | None = None) -> ParityReport:
    return verify_package(package, load(package, [folder]), gates={**GATES, **(gates or {})})


def test_a_package_is_complete(package: Path) -> None:
    """Every file is listed in SHA256SUMS and each artefact carries the same spec."""
    files = {path.name for path in package.iterdir()} - {"SHA256SUMS"}
    assert files == set(read_checksums(package))
    assert files >= {"model.keras", "model.onnx", "model.tflite", "spec.json", "README.md"}
    spec = ModelSpec.from_json((package / "spec.json").read_bytes())
    for name in ("model.onnx", "model.tflite"):
        assert open_artefact(str(package / name)).spec == spec


def test_the_onnx_graph_is_the_contract(package: Path) -> None:
    """Names of input and outputs, dynamic batch, opset 17, shapes inferred."""
    graph = onnx.load(package / "model.onnx")
    onnx.checker.check_model(graph, full_check=True)
    (image,), (probability, heat, features) = graph.graph.input, graph.graph.output
    names = (image.name, probability.name, heat.name, features.name)
    assert names == ("image", "probability", "map", "features")
    sides = [d.dim_param or d.dim_value for d in image.type.tensor_type.shape.dim]
    assert sides == ["batch", 64, 64, 1]
    assert image.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [d.dim_param for d in probability.type.tensor_type.shape.dim] == ["batch"]
    shape = [d.dim_param or d.dim_value for d in heat.type.tensor_type.shape.dim]
    assert shape == ["batch", 2, 2]
    assert graph.opset_import[0].version == 17
    inside = {name for node in graph.graph.node for name in node.output} - {*names}
    assert inside == {value.name for value in graph.graph.value_info}
    assert not any(node.op_type == "Transpose" for node in graph.graph.node)


def test_exported_artefacts_decide_as_keras(package: Path, class_folders: Path) -> None:
    """Through file bytes, below 1e-4, without a changed label, in batches of any size."""
    report = verify(package, class_folders)
    report.require()
    assert len(report.images.images) == 120
    assert [artefact.runtime for artefact in report.artefacts] == ["onnx", "litert"]
    for artefact in report.artefacts:
        found = artefact.comparison
        assert 0 < found.max_difference < 1e-4
        assert found.p50_difference <= found.p99_difference <= found.max_difference
        assert found.flips == {"screening": 0, "balanced": 0, "fixed-0.5": 0}
        assert found.changes.images == 120
        assert set(artefact.batches) == set(BATCH_SIZES[1:])
        assert max(artefact.batches.values()) <= 1e-6
        assert artefact.latency.warm > 0
        assert artefact.size == (package / artefact.artefact).stat().st_size


def patch(path: Path, change: Callable[[onnx.GraphProto], None]) -> None:
    """Change a graph and list its new checksum."""
    model = onnx.load(path)
    change(model.graph)
    onnx.save(model, path)
    write_checksums(path.parent)


def shift_last_bias(graph: onnx.GraphProto) -> None:
    bias = next(t for t in graph.initializer if list(t.dims) == [1] and "probability" in t.name)
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(1), bias.name))


def change_one_weight(graph: onnx.GraphProto) -> None:
    """One weight of the first convolution, and no other."""
    node = next(node for node in graph.node if node.op_type == "Conv")
    weight = next(t for t in graph.initializer if t.name == node.input[1])
    values = numpy_helper.to_array(weight).copy()
    values.flat[0] += 0.5
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))


def swap_classes(graph: onnx.GraphProto) -> None:
    """Give the probability of the other class, as a swapped label order does."""
    last = next(node for node in graph.node if "probability" in node.output)
    last.output[0] = "swapped"
    one = numpy_helper.from_array(np.float32(1), "one")
    graph.initializer.append(one)
    graph.node.append(onnx.helper.make_node("Sub", ["one", "swapped"], ["probability"]))


def swap_channels_for_gray(graph: onnx.GraphProto) -> None:
    """Weigh the gray value as if it were the blue of BGR: 0.114 in place of 1."""
    scale = next(t for t in graph.initializer if t.name.endswith("scale_1/mul/weight1"))
    values = numpy_helper.to_array(scale) * np.float32(0.114)
    scale.CopyFrom(numpy_helper.from_array(values, scale.name))


@pytest.mark.parametrize(
    ("sabotage", "gate"),
    [
        (change_one_weight, r"\|Δp\| .* allowed 0\.0001"),
        (shift_last_bias, r"\|Δp\| .* allowed 0\.0001"),
        (swap_classes, "labels differ at fixed-0.5"),
        (swap_channels_for_gray, "labels differ at"),
    ],
)
def test_a_sabotaged_artefact_fails_its_gate(
    copy: Path,
    class_folders: Path,
    cxr: Callable[..., Any],
    sabotage: Callable[[onnx.GraphProto], None],
    gate: str,
) -> None:
    """Exit code 4, the table says FAILED, the message has the numbers, TFLite still passes."""
    patch(copy / "model.onnx", sabotage)
    report = verify(copy, class_folders)
    with pytest.raises(ParityError, match=rf"model\.onnx: .*{gate}"):
        report.require()
    assert [artefact.verdict for artefact in report.artefacts] == ["failed", "passed"]
    result = cxr("verify", copy, "--data", class_folders)
    assert result.exit_code == 4
    assert "FAILED" in result.output
    found = json.loads((copy / "parity.json").read_text())
    assert [artefact["passed"] for artefact in found["artefacts"]] == [False, True]


def test_bisect_names_the_changed_layer(
    copy: Path, class_folders: Path, cxr: Callable[..., Any]
) -> None:
    """The layer whose weight was changed, with the statistics of both; nothing where all agree."""
    words = ("verify", copy, "--data", class_folders, "--images", 16, "--bisect", "--no-write")
    sound = cxr(*words)
    assert sound.exit_code == 0, sound.output
    assert "model.onnx agrees with model.keras in every layer" in sound.output
    patch(copy / "model.onnx", change_one_weight)
    result = cxr(*words)
    assert result.exit_code == 4
    assert "model.onnx: first layer that differs from model.keras: stem_" in result.output
    assert "(differs)" in result.output
    assert "model.tflite agrees" not in result.output


def test_a_swapped_label_order_in_the_spec_is_told(copy: Path, class_folders: Path) -> None:
    """An artefact that calls the classes otherwise than the Keras model is not compared."""
    rewrite_spec(copy / "model.onnx", labels=("PNEUMONIA", "NORMAL"))
    with pytest.raises(
        ModelInvalid, match=r"labels: NORMAL, PNEUMONIA in the spec of the reference"
    ):
        verify(copy, class_folders)


def test_another_threshold_in_the_spec_is_told(copy: Path, class_folders: Path) -> None:
    """Labels of the artefact would not be those that the comparison counts."""
    points = package_spec(copy).operating_points
    moved = (replace(points[0], threshold=0.123), *points[1:])
    rewrite_spec(copy / "model.onnx", operating_points=moved)
    with pytest.raises(ModelInvalid, match="operating points"):
        verify(copy, class_folders)


def test_another_recipe_in_the_spec_is_told(copy: Path, class_folders: Path) -> None:
    """A spec of a recipe that is not this one's is refused, by name and by digest."""
    spec = package_spec(copy).to_dict()
    for changed in ({"recipe": "cxr-9"}, {"recipe_sha256": "0" * 64}):
        text = json.dumps({**spec, "input": {**spec["input"], **changed}})
        write_spec(copy / "model.onnx", text)
        with pytest.raises(SpecUnknown, match="recipe"):
            verify(copy, class_folders)


def test_an_artefact_without_its_features_is_told(copy: Path, class_folders: Path) -> None:
    """A scan would refuse it: its spec has statistics of features that it does not give."""
    rewrite_spec(copy / "model.onnx", input_check=statistics())
    with pytest.raises(ModelInvalid, match="expected 3 features for the input check"):
        verify(copy, class_folders)


def rewrite_spec(path: Path, **changes: Any) -> None:
    write_spec(path, replace(open_artefact(str(path)).spec, **changes).to_json())


def write_spec(path: Path, text: str) -> None:
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {SPEC_KEY: text})
    onnx.save(model, path)
    write_checksums(path.parent)


def test_a_swapped_label_order_in_spec_json_is_told(copy: Path, class_folders: Path) -> None:
    """The package's own spec gives the images their labels, so it must say what Keras' does."""
    spec = replace(package_spec(copy), labels=("PNEUMONIA", "NORMAL"))
    (copy / "spec.json").write_text(spec.to_json())
    write_checksums(copy)
    with pytest.raises(
        ModelInvalid, match=r"spec\.json: its spec differs from that of the reference"
    ):
        verify(copy, class_folders)


def test_an_artefact_that_is_not_listed_is_told(copy: Path, class_folders: Path) -> None:
    """A format that nobody exported is not verified, nor listed as if it had been."""
    shutil.copy(copy / "model.tflite", copy / "model.int8.tflite")
    with pytest.raises(ModelInvalid, match=r"model\.int8\.tflite is not listed"):
        verify(copy, class_folders)


def test_a_float_artefact_is_no_int8(copy: Path, class_folders: Path) -> None:
    """A file of another precision would be held to the wrong gate."""
    shutil.copy(copy / "model.tflite", copy / "model.int8.tflite")
    write_checksums(copy)
    with pytest.raises(ModelInvalid, match="expected an artefact of precision int8"):
        verify(copy, class_folders)


def test_a_failed_gate_lists_nothing_new(
    copy: Path, class_folders: Path, cxr: Callable[..., Any]
) -> None:
    """Findings change the digests of parity.json and the card alone."""
    (copy / "mine.txt").write_text("not of the package")
    before = read_checksums(copy)
    assert cxr("verify", copy, "--data", class_folders).exit_code == 0
    after = read_checksums(copy)
    assert after.keys() - before.keys() == {"parity.json"}
    assert {name for name in before if before[name] != after[name]} == {"README.md"}


def test_batches_that_disagree_fail(
    package: Path, class_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probability that depends on an image's company is told with both sizes."""
    monkeypatch.setattr(parity, "batch_differences", lambda *_: {2: 0.0, 7: 2e-4, 32: float("nan")})
    report = verify(package, class_folders)
    assert report.mismatches[:2] == [
        "model.onnx: batches of 7 and 1 differ by 2.0e-04, allowed 0.0001",
        "model.onnx: batches of 32 and 1 differ by nan, allowed 0.0001",
    ]


def test_batches_are_compared_image_by_image(spec: ModelSpec) -> None:
    """The largest difference of any image, for each size."""

    class Sociable(FakeRuntime):
        def run(self, pixels: NDArray[np.uint8]) -> Outputs:
            return Outputs(super().run(pixels).scores + np.float32(0.01 * (len(pixels) == 7)))

    images = np.zeros((20, 32, 32, 1), np.uint8)
    assert parity.batch_differences(Sociable(spec), images) == {
        2: 0.0,
        7: pytest.approx(0.01),
        32: 0.0,
    }


def test_the_options_of_the_command_start_from_the_gates() -> None:
    """The limits in --help hold for a library's user too."""
    assert GateOptions().gates() == GATES


def test_a_flipped_label_fails_whatever_the_difference(copy: Path, class_folders: Path) -> None:
    """A limit of 1 forgives probabilities, never decisions."""
    patch(copy / "model.onnx", shift_last_bias)
    report = verify(copy, class_folders, {"fp32": Gate(1.0, flips=0.0)})
    with pytest.raises(ParityError, match="labels differ at"):
        report.require()


def test_gates_move_by_flag(copy: Path, class_folders: Path, cxr: Callable[..., Any]) -> None:
    """Scores that agree to 1e-6 do not agree to 1e-12."""
    result = cxr("verify", copy, "--data", class_folders, "--fp32-difference", "1e-12")
    assert result.exit_code == 4
    assert "allowed 1e-12" in result.output


def test_verify_writes_its_findings(copy: Path, cxr: Callable[..., Any]) -> None:
    """parity.json and the card hold them without naming an image; SHA256SUMS lists both."""
    before = (copy / "README.md").read_text()
    result = cxr("verify", copy, "--data", SAMPLES)
    assert result.exit_code == 0, result.output
    assert "2 files could not be read" in result.output
    assert f"wrote parity.json, README.md, SHA256SUMS in {copy}" in result.output
    text, card = ((copy / name).read_text() for name in ("parity.json", "README.md"))
    assert json.loads(text)["films"] == 7
    assert "phantom" not in text + card
    assert "## Parity" in card
    assert "7 images" in card
    assert before.partition("## Limits")[2] == card.partition("## Limits")[2]
    assert cxr("verify", copy, "--data", SAMPLES).exit_code == 0
    assert (copy / "README.md").read_text().count("## Parity") == 1
    assert "parity.json" in read_checksums(copy)
    open_artefact(str(copy))


def test_nothing_is_written_on_demand(copy: Path, cxr: Callable[..., Any]) -> None:
    """--no-write leaves the package as it was."""
    before = (copy / "SHA256SUMS").read_bytes()
    assert cxr("verify", copy, "--data", SAMPLES, "--no-write").exit_code == 0
    assert (copy / "SHA256SUMS").read_bytes() == before
    assert not (copy / "parity.json").exists()


def test_a_package_changed_after_export_is_not_verified(copy: Path, class_folders: Path) -> None:
    """The message names every file that is not as listed."""
    (copy / "model.onnx").write_bytes(b"x")
    (copy / "model.tflite").unlink()
    with pytest.raises(ModelInvalid, match=r"model\.onnx was changed, model\.tflite is missing"):
        verify(copy, class_folders)


def test_nothing_to_compare_is_an_error(package: Path, tmp_path: Path) -> None:
    """No image, no proof."""
    with pytest.raises(DataError, match="got none"):
        verify(package, tmp_path)
    (tmp_path / "bad.png").write_text("no image")
    with pytest.raises(DataError, match="none of 1 is"):
        verify(package, tmp_path)


def test_a_reference_elsewhere_can_be_named(
    copy: Path, run_folder: Path, class_folders: Path, cxr: Callable[..., Any]
) -> None:
    """A package without its Keras model is compared with one from elsewhere, and says so."""
    (copy / "model.keras").unlink()  # as an installed package comes: listed, and left out
    alone = cxr("verify", copy, "--data", class_folders)
    assert alone.exit_code == 1
    assert "--reference" in alone.output
    words = ("verify", copy, "--data", class_folders, "--reference", run_folder / "model.keras")
    assert cxr(*words).exit_code == 0
    assert "does not exist" in cxr(*words[:-1], copy / "none").output


def test_that_it_cannot_be_written_hides_no_failed_gate(
    copy: Path, class_folders: Path, cxr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only package is an error with its way out, and 4 stays 4."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("cxr_export.packaging.export.write_text_atomically", refuse)
    words = ("verify", copy, "--data", class_folders, "--images", 4)
    result = cxr(*words)
    assert result.exit_code == 1
    assert "--no-write" in result.output
    result = cxr(*words, "--fp32-difference", "1e-12")
    assert result.exit_code == 4
    assert "--no-write" in result.output


def test_one_artefact_alone_can_be_verified(
    copy: Path, class_folders: Path, cxr: Callable[..., Any]
) -> None:
    """A file in a package names itself; the findings on all artefacts are not overwritten."""
    result = cxr("verify", copy / "model.tflite", "--data", class_folders, "--images", 4)
    assert result.exit_code == 0, result.output
    assert "model.tflite" in result.output
    assert "model.onnx" not in result.output
    assert not (copy / "parity.json").exists()
    assert "expected an artefact" in cxr("verify", copy / "spec.json", "--data", SAMPLES).output


def test_images_can_be_few_and_of_validation_patients(
    package: Path, class_folders: Path, cxr: Callable[..., Any]
) -> None:
    """--images takes as many of each class, --held-out those that were not trained on."""
    result = cxr("verify", package, "--data", class_folders, "--images", 10, "--no-write")
    assert "10 images of" in result.output
    assert "5 positive and 5 negative" in result.output
    result = cxr("verify", package, "--data", class_folders, "--held-out", "--no-write")
    facts = package_spec(package).provenance
    assert facts
    assert f"{facts.validation_films} images of {facts.validation_patients}" in result.output


def test_the_artefact_scans_alone(copy: Path, cxr: Callable[..., Any], tmp_path: Path) -> None:
    """One file out of a package is enough."""
    alone = tmp_path / "alone.tflite"
    shutil.copy(copy / "model.tflite", alone)
    report = tmp_path / "r.csv"
    assert cxr("scan", SAMPLES, "--model", alone, "--out", report).exit_code == 3
    assert "litert" in (tmp_path / "r.run.json").read_text()


def test_every_format_has_a_runtime() -> None:
    """The suffix of each file is that of the runtime that is to run it."""
    from cxr_edge.models.registry import RUNTIMES

    for kind in FORMATS.values():
        assert Path(kind.file).suffix in RUNTIMES[kind.runtime].suffixes
        assert kind.precision in GATES
