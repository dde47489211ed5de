"""From a model's name to something that runs."""

import shutil
from pathlib import Path

import pytest
from fakes import runtimes

from cxr_edge.errors import (
    CxrError,
    ModelInvalid,
    RuntimeUnavailable,
    SpecMissing,
    UsageError,
)
from cxr_edge.models.checksums import read_checksums
from cxr_edge.models.locate import default_package, read_spec_file
from cxr_edge.models.open import open_artefact
from cxr_edge.models.registry import RUNTIMES
from cxr_edge.spec.model_spec import ModelSpec


@pytest.fixture
def package(tmp_path: Path) -> Path:
    copy = tmp_path / "package"
    shutil.copytree(default_package(), copy)
    return copy


@pytest.mark.parametrize("name", ["default", "package", "model.onnx"])
def test_a_model_opens_by_name_folder_or_file(package: Path, name: str) -> None:
    """All three are the same model with the same digest."""
    reference = {"default": name, "package": str(package)}.get(name, str(package / name))
    opened = open_artefact(reference, "onnx")
    assert opened.runtime_name == "onnx"
    assert opened.artefact == "model.onnx"
    assert opened.sha256 == read_checksums(default_package())["model.onnx"]
    assert opened.tag == f"{opened.spec.name}@{opened.sha256[:12]}"


def test_the_runtime_can_be_chosen(package: Path) -> None:
    """A package is run by LiteRT on demand, and a .tflite file without being asked."""
    assert open_artefact(str(package), runtime="litert").runtime_name == "litert"
    assert open_artefact(str(package / "model.tflite")).runtime_name == "litert"


def test_a_foreign_spec_can_be_given(package: Path) -> None:
    """--spec stands in for one that is missing inside."""
    data = (package / "model.tflite").read_bytes()
    path = package.parent / "alone.tflite"
    path.write_bytes(data[: data.rindex(b"PK\x03\x04")])
    with pytest.raises(SpecMissing, match="--spec"):
        open_artefact(str(path))
    opened = open_artefact(str(path), spec=read_spec_file(package / "spec.json"))
    assert opened.spec == ModelSpec.from_json((package / "spec.json").read_bytes())


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _text(path: Path) -> None:
    path.write_text("this is no model")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [_truncate, _text, _empty])
@pytest.mark.parametrize("name", ["model.onnx", "model.tflite"])
def test_a_damaged_model_is_named(package: Path, name: str, damage: object) -> None:
    """Half a model, text, or nothing is a ModelInvalid that names the file."""
    assert callable(damage)
    damage(package / name)
    with pytest.raises(ModelInvalid, match=name):
        open_artefact(str(package / name))


@pytest.mark.parametrize("name", runtimes())
def test_a_changed_package_is_refused(package: Path, name: str) -> None:
    """One byte away from SHA256SUMS is not the model that was verified."""
    path = package / f"model{RUNTIMES[name].suffixes[0]}"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelInvalid, match="SHA256SUMS"):
        open_artefact(str(package), name)


def test_a_changed_file_of_a_package_is_refused_by_name_too(package: Path) -> None:
    """The list beside it says what it should be; a file of another name is a single file."""
    path = package / "model.onnx"
    shutil.copy(path, package / "other.onnx")
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelInvalid, match="SHA256SUMS beside it"):
        open_artefact(str(path))
    assert open_artefact(str(package / "other.onnx")).package is None


def test_a_spec_that_lies_is_refused(package: Path) -> None:
    """A spec for another input size says both sizes and what to do."""
    spec = (package / "spec.json").read_text().replace('"height": 128', '"height": 192')
    (package / "other.json").write_text(spec)
    with pytest.raises(ModelInvalid, match="says 192x128x1 uint8, the model wants 128x128x1"):
        open_artefact(str(package / "model.onnx"), spec=read_spec_file(package / "other.json"))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"reference": "none.onnx"}, UsageError, "does not exist"),
        ({"reference": "model.keras"}, ModelInvalid, "cxr export"),
        ({"reference": "notes.txt"}, ModelInvalid, r"expected an \.onnx or \.tflite"),
        ({"reference": "empty"}, ModelInvalid, "empty is not a model package"),
        ({"reference": "model.onnx", "runtime": "litert"}, UsageError, "--runtime onnx or openv"),
        ({"runtime": "tpu"}, UsageError, "expected auto, onnx, litert, openvino"),
        ({"device": "tpu"}, UsageError, "expected auto, cpu, tensorrt, cuda"),
        ({"device": "cuda"}, RuntimeUnavailable, "onnxruntime-gpu"),
        (
            {"device": "cuda", "runtime": "litert"},
            RuntimeUnavailable,
            "LiteRT supports only the CPU",
        ),
    ],
)
def test_what_cannot_work_says_so(
    package: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: dict[str, str],
    error: type[CxrError],
    message: str,
) -> None:
    """Each wrong combination has its own message."""
    (package / "notes.txt").write_text("notes")
    (package / "empty").mkdir()
    monkeypatch.chdir(package)
    with pytest.raises(error, match=message):
        open_artefact(**arguments)  # type: ignore[arg-type]
