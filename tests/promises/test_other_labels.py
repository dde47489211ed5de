"""Labels come from the data: folders named CLEAR and TB, from images to a report."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, phantoms: ModuleType) -> Path:
    """Phantoms without and with opacities, in folders CLEAR and TB."""
    folder = tmp_path_factory.mktemp("chest")
    phantoms.write_classes(folder, 24, 48)
    (folder / "NORMAL").rename(folder / "CLEAR")
    (folder / "PNEUMONIA").rename(folder / "TB")
    return folder


@pytest.mark.slow
def test_any_two_labels_go_from_images_to_report(
    cxr: Callable[..., Any], data: Path, tmp_path: Path
) -> None:
    """Train, export, verify, evaluate and scan say CLEAR and TB, and nothing says PNEUMONIA."""
    run, package, evaluation = tmp_path / "run", tmp_path / "package", tmp_path / "evaluation"
    report = tmp_path / "report.csv"
    network = ("--architecture", "dense-deep", "--image-size", 32, "--epochs", 2)
    split = ("--validation-fraction", 0.5)
    for words in (
        ("audit", data, "--positive", "TB", "--fix", tmp_path / "data.csv"),
        ("train", data, "--positive", "TB", "--out", run, *network, *split),
        ("export", run / "model.keras", "--out", package, "--formats", "onnx"),
        ("verify", package, "--data", data),
        ("evaluate", run / "split.csv", "--model", package, "--out", evaluation, "--shifted"),
        ("scan", data, "--model", package, "--out", report),
    ):
        result = cxr(*words)
        assert result.exit_code == 0, result.output
        assert "PNEUMONIA" not in result.output
    assert json.loads((package / "spec.json").read_text())["labels"] == ["CLEAR", "TB"]
    with report.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 48
    for row in rows:
        positive = float(row["probability"]) >= float(row["threshold"])
        assert row["label"] == ("TB" if positive else "CLEAR")
    with (evaluation / "predictions.csv").open(newline="") as file:
        truth = {Path(row["path"]).parent.name: row["label"] for row in csv.DictReader(file)}
    assert truth == {"CLEAR": "CLEAR", "TB": "TB"}
    for text in (evaluation / "report.md", run / "report.md", package / "README.md"):
        assert "pneumonia" not in text.read_text().lower()


def test_the_positive_class_is_asked_for(
    cxr: Callable[..., Any], data: Path, tmp_path: Path
) -> None:
    """Without --positive the message names both classes, and nothing is trained or written."""
    for command in ("train", "audit"):
        out = ("--out", tmp_path / "run") if command == "train" else ()
        refused = cxr(command, data, *out)
        assert refused.exit_code == 2
        assert "--positive: expected the name of the positive class" in refused.output
        assert "CLEAR or TB" in refused.output
    assert not list(tmp_path.iterdir())


def test_the_model_and_the_data_must_agree(
    cxr: Callable[..., Any], data: Path, tmp_path: Path
) -> None:
    """The embedded model knows NORMAL and PNEUMONIA; the message names both sides."""
    refused = cxr("evaluate", data, "--out", tmp_path / "evaluation")
    assert refused.exit_code == 1
    assert "NORMAL and PNEUMONIA, got the folders 'CLEAR' and 'TB' in" in refused.output
    assert not (tmp_path / "evaluation").exists()
