"""Fixtures that tests share: samples, phantoms, a fake model, real images where there are any."""

import importlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from dicoms import Make
from fakes import FakeRuntime
from hypothesis import HealthCheck, settings
from made_once import made_once
from numpy.typing import ArrayLike, NDArray
from pydicom.dataset import FileDataset
from typer.testing import CliRunner

from cxr_edge.cli.app import app
from cxr_edge.models.checksums import write_checksums
from cxr_edge.models.locate import default_package
from cxr_edge.models.model import Model
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_export.packaging.golden import write_selftest

pytest_plugins = ["pytester"]

# A shell that starts the tests in the background has SIGINT ignored, and commands heed that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine is no failure; what hypothesis finds must not depend on the machine's load.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of the tests' own: what the user's machine remembers is neither read nor changed."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setenv("XDG_CONFIG_DIRS", str(folder / "site"))
        yield folder


@pytest.fixture
def forgetful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that remembers nothing yet: the folder of its records."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cxr-edge"


@pytest.fixture(scope="session")
def golden_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model as a package with golden images of this machine; not to be changed."""

    def make(folder: Path) -> None:
        folder.mkdir()
        for name in ("model.onnx", "model.tflite", "spec.json"):
            shutil.copy(default_package() / name, folder)
        write_selftest(folder)
        write_checksums(folder)

    return made_once(tmp_path_factory, "golden", make)


@pytest.fixture
def tested(golden_package: Path, tmp_path: Path) -> Path:
    """A copy of it that may be damaged."""
    return Path(shutil.copytree(golden_package, tmp_path / "tested"))


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
    return importlib.import_module("generate")


@pytest.fixture(scope="session")
def image(phantoms: ModuleType) -> NDArray[np.uint16]:
    pixels: NDArray[np.uint16] = phantoms.phantom(7, opacities=3, size=48)
    return pixels


@pytest.fixture(scope="session")
def make(phantoms: ModuleType, image: NDArray[np.uint16]) -> Make:
    """Return a 12-bit object of the given stored values, or of a phantom, with attributes set."""

    def build(
        values: ArrayLike | None = None, photometric: str = "MONOCHROME2", **attributes: Any
    ) -> FileDataset:
        drawn = image if values is None else np.atleast_2d(np.asarray(values, np.uint16)) << 4
        dataset: FileDataset = phantoms.dicom(drawn, "MONOCHROME2", 1)
        dataset.PhotometricInterpretation = photometric
        for name, value in attributes.items():
            setattr(dataset, name, value)
        return dataset

    return build


@pytest.fixture
def cxr() -> Callable[..., Any]:
    """Run a ``cxr`` command in this process."""
    runner = CliRunner()
    return lambda *words: runner.invoke(app, [str(word) for word in words])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """``cxr doctor`` tries runtimes in this process, since processes take time."""
    from cxr_edge.doctor import machine as here

    monkeypatch.setattr(here, "call_in_subprocess", lambda function, *args, **_: function(*args))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images that the environment names."""
    folder = os.environ.get("CXR_DATA")
    if not folder:
        pytest.skip("CXR_DATA is not set: no real images to test with")
    return Path(folder)


@pytest.fixture(scope="session")
def class_folders(tmp_path_factory: pytest.TempPathFactory, phantoms: ModuleType) -> Path:
    """Sixty phantoms of each class in class folders, two a patient."""
    return made_once(
        tmp_path_factory, "phantoms", lambda folder: phantoms.write_classes(folder, 60, 64)
    )


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, class_folders: Path) -> Path:
    """The folder of a ``cxr train`` of two short epochs."""
    return made_once(
        tmp_path_factory,
        "run",
        lambda out: succeed("train", class_folders, "-o", out, "--image-size", 64, "--epochs", 2),
        copy=False,
    )


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory, run_folder: Path) -> Path:
    """The package that ``cxr export`` makes of it."""
    model = run_folder / "model.keras"
    return made_once(
        tmp_path_factory,
        "package",
        lambda out: succeed("export", model, "-o", out, "--formats", "onnx,tflite"),
    )


def succeed(*words: object) -> None:
    """Run a ``cxr`` command in this process, which must end with exit code 0."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
