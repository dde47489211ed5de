"""One artefact, read once and loaded by several runtimes."""

import shutil
import sys
from pathlib import Path

import pytest
from fakes import runtimes

from cxr_edge.errors import ModelInvalid, RuntimeUnavailable
from cxr_edge.models.load import Artefact, package_of
from cxr_edge.models.locate import default_package
from cxr_edge.runtimes.base import OpenOptions

ONNX = default_package() / "model.onnx"


@pytest.mark.parametrize("name", runtimes(".onnx"))
def test_one_reading_serves_every_runtime(name: str) -> None:
    """The model carries the digest and the package that were found when the file was read."""
    artefact = Artefact.read(ONNX)
    model = artefact.load(name, OpenOptions(), "only runtime installed")
    assert (model.runtime_name, model.artefact, model.why) == (
        name,
        "model.onnx",
        "only runtime installed",
    )
    assert (model.sha256, model.package) == (artefact.sha256, ONNX.parent)


def test_a_file_must_be_the_one_listed(tmp_path: Path) -> None:
    """In a package every artefact is listed; a file on its own need not be."""
    shutil.copy(ONNX, tmp_path / "model.onnx")
    assert Artefact.read(tmp_path / "model.onnx").package is None
    with pytest.raises(ModelInvalid, match="SHA256SUMS"):
        Artefact.read(tmp_path / "model.onnx", tmp_path)
    shutil.copy(ONNX.parent / "SHA256SUMS", tmp_path)
    assert Artefact.read(tmp_path / "model.onnx", tmp_path).package == tmp_path
    with pytest.raises(ModelInvalid, match="SHA256SUMS beside it"):
        package_of(tmp_path / "model.onnx", "0" * 64)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The system's own words, and the file."""
    with pytest.raises(ModelInvalid, match=r"none\.onnx cannot be read: No such file"):
        Artefact.read(tmp_path / "none.onnx")


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "cxr_edge.runtimes.onnx", raising=False)
    with pytest.raises(RuntimeUnavailable, match=r"model\.onnx needs onnxruntime.*pip install"):
        Artefact.read(ONNX).load("onnx", OpenOptions(), "")


def test_a_library_that_is_broken_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime that is installed but cannot be loaded says so, and what to do."""

    def broken(*_: object) -> None:
        raise ImportError("libfoo.so: cannot open shared object file")

    monkeypatch.setattr("cxr_edge.runtimes.onnx.OnnxRuntime", broken)
    with pytest.raises(RuntimeUnavailable, match=r"cannot be loaded .*libfoo"):
        Artefact.read(ONNX).load("onnx", OpenOptions(), "")
