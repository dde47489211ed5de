"""Training, from class folders to a run folder."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cxr_edge.artefact import read_appended_spec
from cxr_edge.errors import UsageError
from cxr_edge.spec import InputSpec
from cxr_edge.training.dataset import list_films, load_films
from cxr_edge.training.fit import BalancedBatches, FitConfig, train

SPEC = InputSpec(64, 64)


@pytest.mark.slow
def test_a_run_folder_says_all(run_folder: Path) -> None:
    """Model with spec, history a row an epoch, configuration, split."""
    spec = read_appended_spec((run_folder / "model.keras").read_bytes(), "model.keras")
    facts = spec.provenance
    assert facts is not None
    with (run_folder / "history.csv").open(newline="") as file:
        history = list(csv.DictReader(file))
    assert [row["epoch"] for row in history] == ["0", "1"]
    assert {"loss", "val_loss", "val_auc"} <= history[0].keys()
    config = json.loads((run_folder / "config.json").read_text())
    assert config["data_sha256"] == facts.data_sha256
    with (run_folder / "split.csv").open(newline="") as file:
        splits = Counter(row["split"] for row in csv.DictReader(file))
    assert splits == {"train": facts.training_films, "validation": facts.validation_films}
    assert facts.command == config["command"]
    assert facts.command.startswith("cxr train DATA --image-size 64 --epochs 2")
    assert {path.name for path in run_folder.iterdir()} == {
        "model.keras", "history.csv", "config.json", "split.csv"
    }  # fmt: skip


@pytest.mark.slow
def test_the_figures_are_the_models(run_folder: Path, class_folders: Path) -> None:
    """The AUC in the spec is what the saved model scores on the films that split.csv holds out."""
    from cxr_edge.metrics import auc
    from cxr_edge.training.dataset import split_by_patient
    from cxr_export.original import KerasRuntime, load_original

    model, spec = load_original(run_folder / "model.keras")
    assert spec.provenance is not None
    films = load_films(list_films(class_folders), spec.input)
    facts = spec.provenance
    _, validation = split_by_patient(films, facts.seed, facts.validation_fraction)
    scores = KerasRuntime(model, spec).run(validation.pixels)
    assert auc(validation.labels, scores).value == pytest.approx(
        facts.validation_auc.value, abs=1e-6
    )


@pytest.mark.slow
def test_batches_are_balanced_and_repeatable(class_folders: Path) -> None:
    """Half of each class whatever the set has; every film comes; the same seed, the same pixels."""
    films = load_films(list_films(class_folders), SPEC)
    uneven = films.take([*range(60), *range(60, 75)])  # 60 normal, 15 pneumonia
    config = FitConfig(input=SPEC, batch_size=10)
    one, other = BalancedBatches(uneven, config), BalancedBatches(uneven, config)
    assert len(one) == 8
    for index in range(len(one)):
        pixels, labels = one[index]
        assert pixels.shape == (10, 64, 64, 1)
        assert labels.sum() == 5
        np.testing.assert_array_equal(pixels, other[index][0])
    before = one[0][0]
    one.on_epoch_end()
    assert (one[0][0] != before).any()


def test_a_file_in_place_of_the_run_folder_is_told(class_folders: Path, tmp_path: Path) -> None:
    """Before the films are read, and without touching the file."""
    (tmp_path / "run").write_text("mine")
    with pytest.raises(UsageError, match="cannot be made"):
        train(class_folders, tmp_path / "run", FitConfig(input=SPEC))
    assert (tmp_path / "run").read_text() == "mine"
