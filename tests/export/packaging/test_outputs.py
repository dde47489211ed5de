"""Heat maps and features of a package: in every format, cut off where not asked for, judged."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from fakes import runtimes
from heat_model import write_heat_model
from numpy.typing import NDArray
from typer.testing import CliRunner

from cxr_edge.cli.app import app
from cxr_edge.datasets.image_set import load_images
from cxr_edge.models.open import open_artefact
from cxr_edge.models.package import FORMATS
from cxr_edge.models.registry import runtimes_of
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.keras_models.ending import ENDING
from cxr_export.keras_models.load import load_original
from cxr_export.packaging import export as module
from cxr_export.packaging.export import export_package
from cxr_export.packaging.request import Request
from cxr_export.parity import verify as parity
from cxr_export.parity.images import list_parity_images
from cxr_export.parity.verify import verify_package

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def everything(
    run_folder: Path, class_folders: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A package in every format, with gates that let a barely trained network pass."""
    out = tmp_path_factory.mktemp("everything") / "p"
    words = ["export", run_folder / "model.keras", "-o", out, "--calibration", class_folders]
    loose = ["--flips", 1, "--auc-loss", 1, "--sensitivity-loss", 1, "--fp16-difference", 1]
    result = CliRunner().invoke(app, list(map(str, words + loose)))
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def pixels(package: Path) -> NDArray[np.uint8]:
    shape = open_artefact(str(package)).spec.input.shape
    return np.random.default_rng(0).integers(0, 256, (5, *shape), np.uint8)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_map_and_features_of_the_original(
    everything: Path, pixels: NDArray[np.uint8], kind: str
) -> None:
    """By each runtime that runs it, only where it is asked for, and the scores stay the same."""
    expected = load_original(everything / "model.keras", maps=True, features=True).run(pixels)
    assert expected.maps is not None
    assert expected.features is not None
    path = everything / FORMATS[kind].file
    for name in runtimes_of(path):
        opened = open_artefact(str(path), name, maps=True, features=True)
        asked = opened.runtime.run(pixels)
        plain = open_artefact(str(path), name).runtime.run(pixels)
        assert plain.maps is None
        assert plain.features is None
        np.testing.assert_allclose(asked.scores, plain.scores, atol=1e-6)
        assert asked.maps is not None
        assert asked.maps.shape == expected.maps.shape
        assert np.corrcoef(asked.maps.ravel(), expected.maps.ravel())[0, 1] > 0.9
        if kind in ("onnx", "tflite"):
            np.testing.assert_allclose(asked.maps, expected.maps, atol=1e-4)
        assert asked.features is not None
        assert np.corrcoef(asked.features.ravel(), expected.features.ravel())[0, 1] > 0.99


def test_the_outputs_of_a_tflite_file_have_names(package: Path) -> None:
    """Whoever reads it with another program finds the probability by its name."""
    interpreter = Interpreter(str(package / "model.tflite"))
    (signature,) = interpreter.get_signature_list().values()
    assert sorted(signature["outputs"]) == ["features", "map", "probability"]


def test_parity_has_a_figure_for_maps_and_for_features(everything: Path) -> None:
    """Every artefact's record says how they correlate, and which limits held."""
    artefacts = json.loads((everything / "parity.json").read_text())["artefacts"]
    assert len(artefacts) == len(FORMATS)
    for found in artefacts:
        for name in ("map_correlation", "feature_correlation"):
            assert found["gate"][name] <= found[name] <= 1 + 1e-9


def test_a_map_that_is_wrong_fails_parity(
    package: Path, class_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores alone do not pass an artefact whose map is upside down."""
    spec = open_artefact(str(package)).spec
    images = load_images(list_parity_images([class_folders], spec.labels), spec.labels, spec.input)
    assert not verify_package(package, images).mismatches
    honest = parity.run_in_batches

    def upside_down(runtime: object, *rest: object, what: str = "") -> Outputs:
        outputs = honest(runtime, *rest, what=what)
        flip = what == "scoring by model.onnx" and outputs.maps is not None
        return replace(outputs, maps=outputs.maps[:, ::-1].copy()) if flip else outputs

    monkeypatch.setattr(parity, "run_in_batches", upside_down)
    (mismatch,) = verify_package(package, images).mismatches
    assert mismatch.startswith("model.onnx: heat maps correlate at")


def test_a_package_without_both_is_as_before(run_folder: Path, tmp_path: Path) -> None:
    """One output each, and the same spec, byte for byte, as with maps."""
    for name, heat_map in (("with", True), ("without", False)):
        request = Request(formats=("onnx", "tflite"), heat_map=heat_map, features=heat_map)
        export_package(run_folder / "model.keras", tmp_path / name, request=request)
    interpreter = Interpreter(str(tmp_path / "without" / "model.tflite"))
    assert len(interpreter.get_output_details()) == 1
    specs = {(tmp_path / name / "spec.json").read_bytes() for name in ("with", "without")}
    assert len(specs) == 1


def test_a_network_without_one_is_told_in_a_line(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The export goes on, and the package opens with maps asked for all the same."""
    monkeypatch.setattr(module, "with_outputs", lambda *_: None)
    lines: list[str] = []
    request = Request(formats=("onnx",))
    export_package(run_folder / "model.keras", tmp_path / "p", request=request, tell=lines.append)
    (line,) = (line for line in lines if "heat map" in line)
    assert line == f"no heat map and no features: they need a network that ends in {ENDING}"
    opened = open_artefact(str(tmp_path / "p"), maps=True).runtime
    shape = (1, *opened.spec.input.shape)
    assert opened.run(np.zeros(shape, np.uint8)).maps is None


@pytest.mark.parametrize("name", runtimes(".onnx"))
def test_a_model_without_maps_opens_when_they_are_asked_for(
    name: str, tmp_path: Path, spec: ModelSpec
) -> None:
    """It gives scores and no maps."""
    path = str(write_heat_model(tmp_path / "m.onnx", spec, maps=False))
    opened = open_artefact(path, name).runtime
    asked = open_artefact(path, name, maps=True).runtime
    pixels = np.random.default_rng(0).integers(0, 256, (2, *opened.spec.input.shape), np.uint8)
    assert asked.run(pixels).maps is None
    np.testing.assert_array_equal(asked.run(pixels).scores, opened.run(pixels).scores)
