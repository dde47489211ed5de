"""What tests share: samples, phantoms, a fake model, real films where there are any."""

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from click.testing import Result
from numpy.typing import NDArray
from typer.testing import CliRunner

from cxr_edge.cli import app
from cxr_edge.model import Model
from cxr_edge.runtimes import Scores
from cxr_edge.spec import InputSpec, ModelSpec, OperatingPoint

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"


class FakeRuntime:
    """A runtime whose probability is the mean gray value; it notes the batches it was given."""

    provider = "FakeProvider"

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.batches: list[int] = []

    def run(self, pixels: NDArray[np.uint8]) -> Scores:
        self.batches.append(len(pixels))
        return (pixels.mean(axis=(1, 2, 3)) / 255).astype(np.float32)


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
def cxr() -> Callable[..., Result]:
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
