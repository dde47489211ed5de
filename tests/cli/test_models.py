"""``cxr models``: the models that there are, and what is in one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from cxr_edge.errors import ExitCode
from cxr_edge.evaluation.summary import Summary
from cxr_edge.models.checksums import read_checksums
from cxr_edge.models.inventory import KNOWN
from cxr_edge.models.locate import default_package, package_spec
from cxr_edge.models.package import FORMATS

NAMES = [kind.file for kind in FORMATS.values()]


def test_without_a_name_the_installed_models_are_listed(
    cxr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its name in reports, its input and its artefacts."""
    monkeypatch.setenv("COLUMNS", "200")
    result = cxr("models")
    assert result.exit_code == 0
    for name in KNOWN:
        assert name in result.output
    assert package_spec(default_package()).name in result.output
    assert all(name in result.output for name in NAMES)


def test_a_package_is_listed_with_its_thresholds(cxr: Callable[..., Any]) -> None:
    """Files with size, digest and runtimes, and every operating point, the default one marked."""
    result = cxr("models", "default")
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.output.splitlines() if line}
    for name, digest in read_checksums(default_package()).items():
        if (default_package() / name).is_file():
            assert digest[:12] in lines[name]
    assert "onnx, openvino" in lines["model.onnx"]
    found = Summary.read(default_package() / "evaluation.json")
    assert f"AUC {found.figures.auc} by cxr evaluate on a set of {found.figures.images}" in (
        " ".join(result.output.split())
    )
    assert "Research use only" in result.output
    spec = package_spec(default_package())
    for point in spec.operating_points:
        assert f"{point.threshold:g}" in lines[point.name]
    assert lines[spec.default_operating_point].startswith(
        f"{spec.default_operating_point} (default)"
    )


@pytest.mark.parametrize("name", ["model.onnx", "model.tflite"])
def test_a_single_file_is_listed(cxr: Callable[..., Any], golden_package: Path, name: str) -> None:
    """By the spec inside."""
    result = cxr("models", golden_package / name)
    assert result.exit_code == 0
    assert f"\n{name} " in result.output
    assert "screening" in result.output


def test_a_model_without_a_spec_is_listed_by_one_that_is_given(
    cxr: Callable[..., Any], golden_package: Path, tmp_path: Path
) -> None:
    """The advice of the error can be followed; without a model a spec describes nothing."""
    plain = onnx.load(golden_package / "model.onnx")
    del plain.metadata_props[:]
    onnx.save(plain, tmp_path / "other.onnx")
    refused = cxr("models", tmp_path / "other.onnx")
    assert refused.exit_code == ExitCode.ERROR
    assert "describe it with --spec spec.json" in refused.output
    listed = cxr("models", tmp_path / "other.onnx", "--spec", golden_package / "spec.json")
    assert listed.exit_code == 0, listed.output
    assert "screening" in listed.output
    alone = cxr("models", "--spec", golden_package / "spec.json")
    assert alone.exit_code == ExitCode.USAGE
    assert "expected a MODEL" in alone.output


def test_a_changed_package_is_told(cxr: Callable[..., Any], tested: Path) -> None:
    """It is listed all the same, then the error names the file."""
    (tested / "model.tflite").write_bytes(b"other")
    result = cxr("models", tested)
    assert result.exit_code == ExitCode.ERROR
    assert "screening" in result.output
    assert "model.tflite was changed" in result.output


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [("none", ExitCode.USAGE, "does not exist"), (".", ExitCode.ERROR, "not a model package")],
)
def test_what_is_no_model_is_told(
    cxr: Callable[..., Any], tmp_path: Path, name: str, code: int, message: str
) -> None:
    """With what to do."""
    result = cxr("models", tmp_path / name)
    assert result.exit_code == code
    assert message in result.output
