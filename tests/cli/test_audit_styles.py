"""``cxr audit --styles``: clusters by appearance."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from heat_model import write_heat_model
from numpy.typing import NDArray

from cxr_edge.cli.styles import open_features
from cxr_edge.errors import ExitCode
from cxr_edge.spec.model_spec import ModelSpec


@pytest.fixture
def drawn_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two distant groups of features, in place of a network's: every other image in each."""
    from cxr_edge.training import imagenet_features

    def features(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        group = np.arange(len(pixels)) >= len(pixels) // 2 - 3
        return np.stack([group * 100.0, np.arange(len(pixels)) % 7], axis=1).astype(np.float32)

    monkeypatch.setattr(imagenet_features, "imagenet_features", features)


@pytest.mark.slow
@pytest.mark.usefixtures("drawn_features")
def test_the_clusters_are_printed_and_written(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path
) -> None:
    """Each image has a row; those whose class is rare among their look-alikes are marked."""
    result = cxr("audit", class_folders, "--styles", tmp_path / "styles")
    assert result.exit_code == ExitCode.DONE, result.output
    assert "3 of 120 images are counter-style" in result.output
    assert (tmp_path / "styles" / "styles.png").read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "styles" / "styles.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 120
    marked = [row for row in rows if row["counter_style"] == "yes"]
    assert [row["label"] for row in marked] == ["NORMAL"] * 3


@pytest.mark.slow
def test_a_model_without_features_is_told(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path, spec: ModelSpec
) -> None:
    """The message names the features that always exist."""
    model = write_heat_model(tmp_path / "m.onnx", spec)
    result = cxr("audit", class_folders, "--styles", tmp_path / "styles", "--features", model)
    assert result.exit_code == ExitCode.ERROR
    assert "gives probabilities alone; use --features imagenet" in result.output
    assert not (tmp_path / "styles").exists()


@pytest.mark.slow
def test_a_package_has_features_to_cluster_by(package: Path) -> None:
    """A vector for each image, which differs from image to image."""
    source = open_features(str(package))
    drawn = np.random.default_rng(0).integers(0, 256, (3, *source.input.shape), np.uint8)
    found = source.of(drawn)
    assert len(found) == 3
    assert np.ptp(found, axis=0).max() > 0


@pytest.mark.slow
def test_an_evaluation_needs_the_table_of_these_images(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path
) -> None:
    """Another file in place of the table is told, with the command that writes it."""
    other = tmp_path / "styles.csv"
    other.write_text("path,label\n")
    result = cxr("evaluate", class_folders, "--styles", other, "-o", tmp_path / "out")
    assert result.exit_code == ExitCode.ERROR
    assert "cxr audit DATA --styles DIR" in " ".join(result.output.split())


@pytest.mark.slow
@pytest.mark.usefixtures("drawn_features")
def test_a_set_too_small_to_cluster_is_told(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path
) -> None:
    """Nothing is made up from a handful of images."""
    small = tmp_path / "small"
    for folder in sorted(class_folders.iterdir()):
        (small / folder.name).mkdir(parents=True)
        for path in sorted(folder.iterdir())[:10]:
            (small / folder.name / path.name).write_bytes(path.read_bytes())
    result = cxr("audit", small, "--styles", tmp_path / "styles")
    assert result.exit_code == ExitCode.ERROR
    assert "at least 40 images to cluster by appearance, got 20" in result.output
