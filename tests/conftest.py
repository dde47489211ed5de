"""What tests share: samples, phantoms, a fake model, real films where there are any."""

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from cxr_edge.cli import app
from cxr_edge.model import Model
from cxr_edge.spec import InputSpec, ModelSpec, OperatingPoint
from fakes import SAMPLES, FakeRuntime

pytest_plugins = ["pytester"]


@pytest.fixture
def spec() -> ModelSpec:
    return ModelSpec(
        name="fake",
        labels=("NORMAL", "PNEUMONIA"),
        input=InputSpec(32, 32),
        operating_points=(OperatingPoint("screening", 0.4), OperatingPoint("study", 0.5)),
        default_operating_point="screening",
    )


@pytest.fixture
def model(spec: ModelSpec) -> Model:
    return Model("ab" * 32, "onnx", FakeRuntime(spec))


@pytest.fixture(scope="session")
def phantoms() -> ModuleType:
    """The generator of the samples, as a module."""
    found = importlib.util.spec_from_file_location("generate", SAMPLES / "generate.py")
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    sys.modules["generate"] = module
    found.loader.exec_module(module)
    return module


@pytest.fixture
def cxr() -> Callable[..., Any]:
    """Run a ``cxr`` command in this process."""
    runner = CliRunner()
    return lambda *words: runner.invoke(app, [str(word) for word in words])


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real films that the environment names."""
    folder = os.environ.get("CXR_DATA")
    if not folder:
        pytest.skip("CXR_DATA is not set: no real films to test with")
    return Path(folder)


@pytest.fixture(scope="session")
def class_folders(tmp_path_factory: pytest.TempPathFactory, phantoms: ModuleType) -> Path:
    """Sixty phantoms of each class in class folders, two a patient."""
    folder = tmp_path_factory.mktemp("phantoms")
    phantoms.write_classes(folder, 60, 64)
    return folder


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, class_folders: Path) -> Path:
    """What ``cxr train`` leaves after two short epochs."""
    out = tmp_path_factory.mktemp("run") / "run"
    words = ("train", class_folders, "-o", out, "--image-size", 64, "--epochs", 2)
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory, run_folder: Path) -> Path:
    """What ``cxr export`` makes of it."""
    out = tmp_path_factory.mktemp("package") / "package"
    words = ["export", str(run_folder / "model.keras"), "-o", str(out), "--formats", "onnx,tflite"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return out
