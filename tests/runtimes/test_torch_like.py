"""A network as PyTorch exports one: its probabilities are those of its own training code."""

import re
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch_like
from fakes import ROOT, runtimes
from runs import rows
from typer.testing import CliRunner

from cxr_edge.cli.app import app
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.preprocess import preprocess
from cxr_edge.models.open import open_artefact
from cxr_edge.spec.model_spec import ModelSpec

PAGE = (ROOT / "docs" / "foreign-models.md").read_text(encoding="utf-8")
IMAGE = ROOT / "samples" / "phantom-normal.jpg"
MEAN = np.float32([0.485, 0.456, 0.406])[:, np.newaxis, np.newaxis]
STD = np.float32([0.229, 0.224, 0.225])[:, np.newaxis, np.newaxis]


def shown(title: str) -> str:
    """Return a file that the page shows."""
    found = re.search(rf'^```\w+ title="{title}"\n(.*?)^```', PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)


def as_in_training(path: Path, pixels: np.ndarray) -> np.ndarray:
    """Return the output for uint8 pixels (N, H, W, C), by torchvision's ToTensor and Normalize."""
    taken = (pixels.transpose(0, 3, 1, 2) / np.float32(255) - MEAN) / STD
    given: np.ndarray = ort.InferenceSession(path).run(None, {"input": taken})[0]
    return given


@pytest.mark.parametrize("runtime", runtimes(".onnx"))
@pytest.mark.parametrize(
    ("name", "columns", "end"),
    [("one.json", 1, ""), ("three.json", 3, ""), ("three.json", 3, "Softmax")],
)
def test_the_specs_of_the_page_are_right(
    name: str, columns: int, end: str, runtime: str, tmp_path: Path
) -> None:
    """One logit, three logits and a softmax of three classes, in a report as in training."""
    path, spec_file = tmp_path / "m.onnx", tmp_path / name
    torch_like.write(str(path), columns, end)
    text = shown(name)
    spec_file.write_text(text.replace('"values": "logit",', "") if end else text, encoding="utf-8")
    spec = ModelSpec.from_json(spec_file.read_text(encoding="utf-8"))
    pixels = preprocess(decode(IMAGE.read_bytes(), spec.input), spec.input)[np.newaxis]
    given = as_in_training(path, pixels)
    if columns == 1:
        wanted = 1 / (1 + np.exp(-given[:, 0]))
    else:
        wanted = (given if end else softmax(given))[:, 1:].sum(axis=1)
    scores = open_artefact(str(path), runtime, spec=spec).runtime.run(pixels).scores
    np.testing.assert_allclose(scores, wanted, atol=1e-5)
    words = ["scan", IMAGE, "--model", path, "--spec", spec_file, "--runtime", runtime]
    out = tmp_path / "r.csv"
    result = CliRunner().invoke(app, [*map(str, words), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert float(rows(out)[0]["probability"]) == pytest.approx(wanted[0], abs=2e-5)


def test_the_page_shows_the_script_of_the_tests() -> None:
    """The script of the page is the one that these tests use."""
    assert shown("torch_like.py") == (ROOT / "tests/support/torch_like.py").read_text("utf-8")


def test_another_output_is_another_report(tmp_path: Path) -> None:
    """A report of one positive class is not continued with another."""
    path, spec_file = tmp_path / "m.onnx", tmp_path / "three.json"
    torch_like.write(str(path), 3)
    words = ["scan", IMAGE, "--model", path, "--spec", spec_file, "--out", tmp_path / "r.csv"]
    for positive, code in (('["bacterial", "viral"]', 0), ('"viral"', 1)):
        spec_file.write_text(shown("three.json").replace('["bacterial", "viral"]', positive))
        result = CliRunner().invoke(app, [*map(str, words)])
        assert result.exit_code == code, result.output
    assert "positive: viral" in result.output
