"""Export and the proof that nothing was lost on the way."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from cxr_edge.errors import DataError, ModelInvalid, ParityError
from cxr_edge.model import open_model
from cxr_edge.package import read_checksums, write_checksums
from cxr_edge.spec import ModelSpec
from cxr_export.parity import verify_package
from fakes import SAMPLES

pytestmark = pytest.mark.slow


@pytest.fixture
def copy(package: Path, tmp_path: Path) -> Path:
    """A package that may be damaged."""
    shutil.copytree(package, tmp_path / "package")
    return tmp_path / "package"


def test_a_package_is_complete(package: Path) -> None:
    """Every file is listed in SHA256SUMS and each artefact carries the same spec."""
    files = {path.name for path in package.iterdir()} - {"SHA256SUMS"}
    assert files == set(read_checksums(package))
    assert files >= {"model.keras", "model.onnx", "model.tflite", "spec.json", "README.md"}
    spec = ModelSpec.from_json((package / "spec.json").read_bytes())
    for name in ("model.onnx", "model.tflite"):
        assert open_model(str(package / name)).spec == spec


def test_the_onnx_graph_is_the_contract(package: Path) -> None:
    """``image`` in, ``probability`` out, dynamic batch, opset 17, no stale shapes."""
    graph = onnx.load(package / "model.onnx")
    onnx.checker.check_model(graph, full_check=True)
    (image,), (probability,) = graph.graph.input, graph.graph.output
    assert (image.name, probability.name) == ("image", "probability")
    sides = [d.dim_param or d.dim_value for d in image.type.tensor_type.shape.dim]
    assert sides == ["batch", 64, 64, 1]
    assert image.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [d.dim_param for d in probability.type.tensor_type.shape.dim] == ["batch"]
    assert graph.opset_import[0].version == 17


def test_exported_artefacts_decide_as_keras(package: Path, class_folders: Path) -> None:
    """Through file bytes, below 1e-4, without a changed label at any operating point."""
    report = verify_package(package, [class_folders])
    report.require()
    assert report.films == 120
    assert [artefact.runtime for artefact in report.artefacts] == ["onnx", "litert"]
    for artefact in report.artefacts:
        assert 0 < artefact.max_difference < 1e-4
        assert artefact.mean_difference <= artefact.max_difference
        assert artefact.flips == {"screening": 0, "balanced": 0, "study": 0}


def sabotage(package: Path) -> None:
    """Change the bias of the last layer, and list the new checksum."""
    path = package / "model.onnx"
    graph = onnx.load(path)
    bias = next(t for t in graph.graph.initializer if list(t.dims) == [1])
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(1), bias.name))
    onnx.save(graph, path)
    write_checksums(package)


def test_a_changed_weight_fails_the_gate(
    copy: Path, class_folders: Path, cxr: Callable[..., Any]
) -> None:
    """Exit code 4, the table says FAILED, the message has the numbers, TFLite still passes."""
    sabotage(copy)
    report = verify_package(copy, [class_folders])
    with pytest.raises(ParityError, match=r"model\.onnx: \|Δp\| .* allowed 1e-04"):
        report.require()
    assert [artefact.passed for artefact in report.artefacts] == [False, True]
    result = cxr("verify", copy, "--data", class_folders)
    assert result.exit_code == 4
    assert "FAILED" in result.output
    assert json.loads((copy / "parity.json").read_text())["artefacts"][0]["passed"] is False


def test_a_flipped_label_fails_whatever_the_tolerance(copy: Path, class_folders: Path) -> None:
    """A tolerance of 1 forgives probabilities, never decisions."""
    sabotage(copy)
    report = verify_package(copy, [class_folders], tolerance=1.0)
    with pytest.raises(ParityError, match="labels differ at"):
        report.require()


def test_verify_writes_its_findings(copy: Path, cxr: Callable[..., Any]) -> None:
    """parity.json holds them without naming a film, and SHA256SUMS lists it."""
    result = cxr("verify", copy, "--data", SAMPLES)
    assert result.exit_code == 0, result.output
    assert "2 files could not be read" in result.output
    text = (copy / "parity.json").read_text()
    assert json.loads(text)["films"] == 7
    assert "phantom" not in text
    assert "parity.json" in read_checksums(copy)
    open_model(str(copy))


def test_a_package_changed_after_export_is_not_verified(copy: Path, class_folders: Path) -> None:
    """The message names every file that is not as listed."""
    (copy / "model.onnx").write_bytes(b"x")
    (copy / "model.tflite").unlink()
    with pytest.raises(ModelInvalid, match=r"model\.onnx was changed, model\.tflite is missing"):
        verify_package(copy, [class_folders])


def test_nothing_to_compare_is_an_error(package: Path, tmp_path: Path) -> None:
    """No film, no proof."""
    with pytest.raises(DataError, match="has none"):
        verify_package(package, [tmp_path])
    (tmp_path / "bad.png").write_text("no film")
    with pytest.raises(DataError, match="none of 1 files"):
        verify_package(package, [tmp_path])


def test_the_artefact_scans_alone(copy: Path, cxr: Callable[..., Any], tmp_path: Path) -> None:
    """One file out of a package is enough."""
    alone = tmp_path / "alone.tflite"
    shutil.copy(copy / "model.tflite", alone)
    report = tmp_path / "r.csv"
    assert cxr("scan", SAMPLES, "--model", alone, "--out", report).exit_code == 3
    assert "litert" in (tmp_path / "r.run.json").read_text()
