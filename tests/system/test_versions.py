"""Names and versions of what is installed."""

import importlib.metadata
import sys
from pathlib import Path

import pytest

from cxr_edge.system import versions as module
from cxr_edge.system.versions import LIBRARIES, distributions, library_versions, version_of


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which this process finds modules."""
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    for name in LIBRARIES:  # those that another test has loaded
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def test_versions_are_those_of_the_metadata() -> None:
    """The quick way tells what importlib.metadata tells; what is not installed has none."""
    for name in ("numpy", "opencv-python-headless", "pydicom", "onnxruntime"):
        assert version_of(name) == importlib.metadata.version(name)
    assert version_of("no-such-distribution") == ""


def test_a_library_is_told_by_its_distribution() -> None:
    """By name and version, of whichever distribution brings the module."""
    found = library_versions()
    assert list(found) == list(LIBRARIES)
    assert found["cv2"] == f"opencv-python-headless {version_of('opencv-python-headless')}"
    assert found["onnxruntime"] == f"onnxruntime {version_of('onnxruntime')}"


@pytest.mark.parametrize(
    ("folder", "name", "version"),
    [
        ("onnxruntime_gpu-1.32.0.dist-info", "onnxruntime-gpu", "1.32.0"),
        ("onnxruntime-1.20.dev1+cpu.dist-info", "onnxruntime", "1.20.dev1+cpu"),
        ("OnnxRuntime_x.egg-info", "onnxruntime-x", ""),
    ],
)
def test_folders_become_names_and_versions(
    site: Path, folder: str, name: str, version: str
) -> None:
    """Names as pip writes them, whatever stands in the folder's name."""
    (site / folder).mkdir()
    (site / "onnxruntimes-1.dist-info").mkdir()
    assert distributions("onnxruntime") == {name: version}


def test_rival_builds_are_both_told(site: Path) -> None:
    """Two distributions that bring one module stand beside each other."""
    for name in ("onnxruntime-1.dist-info", "onnxruntime_gpu-2.dist-info"):
        (site / name).mkdir()
    (site / "onnxruntime").mkdir()
    (site / "onnxruntime" / "__init__.py").touch()
    assert library_versions()["onnxruntime"] == "onnxruntime 1, onnxruntime-gpu 2"
    assert library_versions()["openvino"] == ""


def test_a_library_without_metadata_is_told_by_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of one's own changes with its first file."""
    monkeypatch.setattr(module, "LIBRARIES", {"json": "no-such-distribution"})
    assert library_versions()["json"].endswith(" bytes")
