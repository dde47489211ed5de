"""One network from several runs."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from cxr_edge.data.films import list_films
from cxr_edge.data.filmset import load_films, split_by_patient
from cxr_edge.errors import DataError, UsageError
from cxr_edge.metrics import logit
from cxr_edge.spec import InputSpec
from cxr_edge.training.average import average, refresh_norms
from cxr_edge.training.batches import Batches
from cxr_edge.training.compare import compare
from cxr_edge.training.config import FitConfig
from cxr_edge.training.run import train

pytestmark = pytest.mark.slow

SPEC = InputSpec(32, 32)


def quick(**options: Any) -> FitConfig:
    settings = {"architecture": "dense-deep", "input": SPEC, "epochs": 2, **options}
    return FitConfig(**settings, command=f"cxr train DATA --seed {options.get('seed', 0)}")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, class_folders: Path) -> list[Path]:
    """Two runs that differ in the seed, and one that differs in the batch."""
    folder = tmp_path_factory.mktemp("runs")
    for name, options in (("1", {}), ("2", {}), ("3", {"batch_size": 16})):
        train(class_folders, folder / name, quick(seed=int(name), **options), verbose=0)
    return [folder / name for name in "123"]


def test_the_mean_of_two_runs(runs: list[Path], class_folders: Path, tmp_path: Path) -> None:
    """Weights but for the calibrated last layer are the mean; the run says whose."""
    spec = average(runs[:2], class_folders, tmp_path / "mean", "mean")
    paths = [*runs[:2], tmp_path / "mean"]
    one, other, mean = (keras.saving.load_model(path / "model.keras") for path in paths)
    for left, right, between in zip(
        *(model.get_weights()[:-2] for model in (one, other, mean)), strict=True
    ):
        np.testing.assert_allclose(between, (left + right) / 2, atol=1e-6)
    assert spec.name == "mean"
    assert spec.provenance is not None
    assert "--seed 1; cxr train DATA --seed 2" in spec.provenance.command
    assert json.loads((tmp_path / "mean" / "config.json").read_text())["averaged"] == [1, 2]
    report = (tmp_path / "mean" / "report.md").read_text()
    assert "the mean of those of 2 runs, with the seeds 1, 2" in report
    assert "curves.png" not in report
    assert "| dense-deep | 2 |" in compare([*runs[:2], tmp_path / "mean"], tmp_path / "compared")


def test_norms_are_those_of_the_films(class_folders: Path) -> None:
    """After a refresh a batch norm gives the films it saw mean 0 and variance 1."""
    films = load_films(list_films(class_folders), SPEC)
    training, _ = split_by_patient(films, 2021, 0.3)
    image = keras.Input(SPEC.shape, dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    x = keras.layers.Dense(4, use_bias=False)(x)
    norm = keras.layers.BatchNormalization()
    model = keras.Model(image, keras.layers.Dense(1, activation="sigmoid")(norm(x)))
    batches = Batches(training, FitConfig(input=SPEC, batch_size=8))
    refresh_norms(model, batches)
    assert norm.momentum == 0.99
    pixels = np.concatenate([batches[index][0] for index in range(len(batches))])
    normed = np.asarray(keras.Model(image, norm.output).predict_on_batch(pixels))
    np.testing.assert_allclose(normed.mean(axis=0), 0, atol=0.1)
    np.testing.assert_allclose(normed.std(axis=0), 1, atol=0.2)
    assert np.isfinite(logit(model.predict_on_batch(pixels))).all()


def test_runs_must_differ_in_the_seed_alone(
    runs: list[Path], class_folders: Path, tmp_path: Path
) -> None:
    """Another batch size, the same seed twice, other films and no run at all are refused."""
    with pytest.raises(UsageError, match=r"differs from .* in batch_size"):
        average([runs[0], runs[2]], class_folders, tmp_path / "a")
    with pytest.raises(UsageError, match="runs of several seeds, came 1, 1"):
        average([runs[0], runs[0]], class_folders, tmp_path / "b")
    with pytest.raises(UsageError, match="runs of several seeds, came 1"):
        average(runs[:1], class_folders, tmp_path / "c")
    with pytest.raises(DataError, match="folder of a finished run"):
        average([runs[0], tmp_path], class_folders, tmp_path / "d")
