"""Runtimes by name, and what opens models with them."""

import sys
from pathlib import Path

import pytest
from fakes import runtimes

from cxr_edge.models.registry import ORIGINALS, RUNTIMES, installed, original_of, runtimes_of


@pytest.mark.parametrize("name", runtimes())
def test_every_entry_names_what_opens_a_model(name: str) -> None:
    """The class stands where the table says, and loading it loads the library that it names."""
    kind = RUNTIMES[name]
    assert f"{kind.load().__module__}:{kind.load().__name__}" == kind.factory
    assert kind.module in sys.modules


def test_files_are_run_by_their_suffix() -> None:
    """In capitals too; the first is the one that is preferred."""
    assert runtimes_of("m.ONNX") == ["onnx", "openvino"]
    assert runtimes_of(Path("a") / "m.tflite") == ["litert"]
    assert runtimes_of("m.keras") == []


def test_originals_are_known_by_suffix_or_content(tmp_path: Path) -> None:
    """Keras files by their names, a SavedModel by the graph in its folder."""
    assert original_of(tmp_path / "m.keras") == original_of(Path("m.H5")) == "keras"
    assert original_of(tmp_path) == original_of(Path("m.onnx")) == ""
    (tmp_path / "saved_model.pb").touch()
    assert original_of(tmp_path) == "tensorflow"


def test_originals_open_on_the_export_side() -> None:
    """The runtime side knows them as text alone."""
    from cxr_export.keras_models.reference import open_reference

    assert {kind.load() for kind in ORIGINALS.values()} == {open_reference}


def test_a_folder_left_empty_is_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that an uninstall leaves behind does not count as installed."""
    (tmp_path / "onnxruntime").mkdir()
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert not installed("onnx")
