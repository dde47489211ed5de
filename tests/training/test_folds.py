"""Runs that hold out one fold of the patients each."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxr_edge.errors import UsageError
from cxr_edge.training.config import FitConfig


@pytest.mark.slow
def test_every_image_has_one_prediction_by_a_network_that_did_not_see_its_patient(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path
) -> None:
    """The joined table has each image once, its fold is that of its patient, and it resumes."""
    words = ("train", class_folders, "-o", tmp_path / "run", "--folds", 2, "--epochs", 1)
    words += ("--architecture", "dense-deep", "--image-size", 32)
    done = cxr(*words)
    assert done.exit_code == 0, done.output
    assert "out-of-fold AUC" in done.output
    with (tmp_path / "run" / "out-of-fold.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["path"] for row in rows}) == len(rows) == 120
    for fold in ("1", "2"):
        with (tmp_path / "run" / f"fold-{fold}" / "split.csv").open(newline="") as file:
            split = list(csv.DictReader(file))
        trained_on = {row["patient"] for row in split if row["split"] == "train"}
        assert not trained_on & {row["patient"] for row in rows if row["fold"] == fold}
    assert cxr(*words).exit_code == 2
    again = cxr(*words, "--resume")
    assert again.exit_code == 0
    assert "is already finished" in again.output


@pytest.mark.parametrize("options", [{"folds": 1}, {"folds": 3, "validate": "styles"}])
def test_what_makes_no_folds_is_refused(options: dict[str, Any]) -> None:
    """One fold trains on nothing, and folds are of patients."""
    with pytest.raises(UsageError, match="--folds: expected 2 or more folds of the patients"):
        FitConfig(**options)


@pytest.mark.parametrize("option", ["--show-samples", "--tensorboard"])
def test_options_of_one_run_do_not_go_with_folds(
    cxr: Callable[..., Any], tmp_path: Path, option: str
) -> None:
    """It is told before any image is read."""
    result = cxr("train", tmp_path, "--folds", 3, option)
    assert result.exit_code == 2
    assert f"{option}: expected without --folds" in result.output
