"""Evaluation of a model on labelled films."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FakeRuntime

from cxr_edge.datasets import image_set as filmset
from cxr_edge.datasets.csv_manifest import write_manifest
from cxr_edge.datasets.image_set import FilmSet, load_films
from cxr_edge.datasets.listing import list_films
from cxr_edge.datasets.patient_split import in_validation
from cxr_edge.errors import ModelInvalid, UsageError
from cxr_edge.evaluation.evaluate import ALL, HELD_OUT, TRAINED_ON, evaluate, score
from cxr_edge.evaluation.report import NAMES_ALONE, write_evaluation
from cxr_edge.evaluation.shifts import OTHER_CLASS_EXPOSURE, PNEUMONIA_EXPOSURE, SHIFTS
from cxr_edge.models.model import Model
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.provenance import Provenance

PICTURES = {"confusion.png", "roc.png", "precision-recall.png", "reliability.png", "errors.png"}


@pytest.fixture(scope="module")
def films(class_folders: Path) -> FilmSet:
    return load_films(list_films(class_folders), InputSpec(32, 32))


@pytest.fixture
def trained(spec: ModelSpec, films: FilmSet) -> Model:
    """A model that says on whom it was trained."""
    facts = Provenance(
        "edge", "films", films.digest, "cxr train DATA", 1, 0.5, 1, 1, 1, 1,
        Interval(0.9, 0.8, 1.0), 7,
    )  # fmt: skip
    return Model("ab" * 32, "onnx", FakeRuntime(replace(spec, provenance=facts)))


def test_scores_come_in_the_order_of_the_films(model: Model, films: FilmSet) -> None:
    """Batches are put together again."""
    expected = films.pixels.mean(axis=(1, 2, 3)) / 255
    np.testing.assert_allclose(score(model, films.pixels), expected, rtol=1e-5)


def test_training_patients_are_reported_apart(trained: Model, films: FilmSet) -> None:
    """The films held out are looked at closely; together the groups are all."""
    found = evaluate(trained, films)
    assert list(found.groups) == [ALL, HELD_OUT, TRAINED_ON]
    assert found.group == HELD_OUT
    counts = [figures.films for figures in found.groups.values()]
    assert counts[0] == counts[1] + counts[2] == len(films.films)
    assert all(in_validation(film.patient, 7, 0.5) for film in found.films.films)
    assert len(found.scores) == len(found.films.films) == counts[1]


def test_other_films_of_such_names_are_looked_at_all(trained: Model, films: FilmSet) -> None:
    """Names may be another set's: the groups are told, but what is shown is of all films."""
    found = evaluate(trained, films.take(list(range(5, 115))))
    assert list(found.groups) == [ALL, HELD_OUT, TRAINED_ON]
    assert found.group == ALL
    assert len(found.scores) == 110


def test_names_alone_prove_nothing(trained: Model, films: FilmSet, tmp_path: Path) -> None:
    """The report of other films says so, that of the very films need not."""
    for name, some in (("same", films), ("other", films.take(list(range(5, 115))))):
        write_evaluation(evaluate(trained, some), tmp_path / name)
        text = (tmp_path / name / "report.md").read_text()
        assert (NAMES_ALONE in text) == (name == "other")


def test_merged_patients_belong_to_no_group(trained: Model, films: FilmSet) -> None:
    """Where a manifest has patients of its own, the split by name is not theirs."""
    first = replace(films.films[0], patient="IM-0007")
    merged = replace(films, films=(first, *films.films[1:]))
    assert list(evaluate(trained, merged).groups) == [ALL]


def test_films_for_test_belong_to_no_group(trained: Model, films: FilmSet) -> None:
    """Nor do films whose names tell no patient, or those of a model that says nothing."""
    marked = replace(films, films=tuple(replace(film, split="test") for film in films.films))
    assert list(evaluate(trained, marked).groups) == [ALL]
    plain = replace(trained.spec, provenance=None)
    assert list(evaluate(Model("ab" * 32, "onnx", FakeRuntime(plain)), films).groups) == [ALL]


def test_the_folder_has_all(model: Model, films: FilmSet, tmp_path: Path) -> None:
    """Figures, predictions, a report that shows every picture there is."""
    found = evaluate(model, films, copies=True, counterfactual=True)
    write_evaluation(found, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"evaluation.json", "predictions.csv", "report.md", *PICTURES}
    data = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert tuple(data["copies"]) == SHIFTS
    assert len(data["counterfactual"]) == 4
    assert data["groups"][ALL]["films"] == len(films.films)
    report = (tmp_path / "out" / "report.md").read_text()
    assert "Research use only" in report
    assert all(f"({name})" in report for name in PICTURES)
    assert report.count("macro avg") == len(model.spec.operating_points)
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["probability"]) for row in rows] == pytest.approx(found.scores, abs=1e-6)


def test_one_class_alone_can_be_evaluated(model: Model, films: FilmSet, tmp_path: Path) -> None:
    """What needs both classes is left out."""
    only = films.where(list(films.labels == 1))
    found = evaluate(model, only, copies=True, counterfactual=True)
    assert set(found.copies) == set(SHIFTS) - {OTHER_CLASS_EXPOSURE, PNEUMONIA_EXPOSURE}
    write_evaluation(found, tmp_path)
    assert found.figures.auc is None
    assert not (tmp_path / "roc.png").exists()
    assert "roc.png" not in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize("labels", [("PNEUMONIA", "NORMAL"), ("NO", "YES")])
def test_a_model_of_other_classes_is_refused(
    spec: ModelSpec, films: FilmSet, labels: tuple[str, str]
) -> None:
    """Its probabilities mean something else."""
    other = Model("ab" * 32, "onnx", FakeRuntime(replace(spec, labels=labels)))
    with pytest.raises(ModelInvalid, match="classes NORMAL and PNEUMONIA"):
        evaluate(other, films)


@pytest.mark.parametrize("value", [np.nan, 1.5, -0.1])
def test_scores_that_are_no_probabilities_are_refused(
    model: Model, films: FilmSet, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    """Logits and numbers that are none."""
    monkeypatch.setattr(
        FakeRuntime, "run", lambda _, pixels: np.full(len(pixels), value, np.float32)
    )
    with pytest.raises(ModelInvalid, match="expected probabilities"):
        evaluate(model, films)


def test_report_and_matrix_round_alike(model: Model, films: FilmSet) -> None:
    """Scores are rounded once, before anything is held against a threshold."""
    found = evaluate(model, films)
    np.testing.assert_array_equal(found.scores, found.scores.round(6))


def test_other_peoples_files_are_left_alone(model: Model, films: FilmSet, tmp_path: Path) -> None:
    """A folder that is no evaluation is not written into; an older evaluation is replaced."""
    (tmp_path / "report.md").write_text("mine")
    with pytest.raises(UsageError, match="has other files"):
        write_evaluation(evaluate(model, films), tmp_path)
    assert (tmp_path / "report.md").read_text() == "mine"
    write_evaluation(evaluate(model, films), tmp_path / "out")
    write_evaluation(evaluate(model, films.where(list(films.labels == 1))), tmp_path / "out")
    assert not (tmp_path / "out" / "roc.png").exists()


def test_odd_names_are_drawn(model: Model, films: FilmSet, tmp_path: Path) -> None:
    """Names that are mathematics to the plotter, or no UTF-8."""
    names = ("cost$^$5.png", "a\udcff.png")
    odd = tuple(replace(film, path=Path(names[n % 2])) for n, film in enumerate(films.films))
    write_evaluation(evaluate(model, replace(films, films=odd)), tmp_path / "out")
    assert (tmp_path / "out" / "errors.png").exists()


def test_a_folder_that_cannot_be_written_is_told(
    model: Model, films: FilmSet, tmp_path: Path
) -> None:
    """In one line."""
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="cannot be made"):
        write_evaluation(evaluate(model, films), tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("file", ["model.onnx", "model.tflite", "model.keras"])
def test_every_format_gives_the_same_figures(
    cxr: Callable[..., Any], package: Path, class_folders: Path, tmp_path: Path, file: str
) -> None:
    """ONNX, TFLite and Keras through one seam: the figures of the run's validation films."""
    result = cxr("evaluate", package / file, class_folders, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    data = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    spec = json.loads((package / "spec.json").read_text())
    assert data["group"] == HELD_OUT
    found = data["groups"][HELD_OUT]["auc"]["value"]
    assert found == pytest.approx(spec["provenance"]["validation_auc"]["value"], abs=1e-6)
    assert "confusion matrix" in result.output


def test_the_split_is_chosen(cxr: Callable[..., Any], class_folders: Path, tmp_path: Path) -> None:
    """Those for test where there are any; any other by name; what is not there is refused."""
    listed = [
        replace(film, split=split)
        for film, split in zip(
            list_films(class_folders), (["train"] * 50 + ["test"] * 10) * 2, strict=True
        )
    ]
    write_manifest(tmp_path / "films.csv", listed)
    for words, count in (((), 20), (("--split", "train"), 100), (("--split", "all"), 120)):
        result = cxr("evaluate", tmp_path / "films.csv", "-o", tmp_path / "out", *words)
        assert result.exit_code == 0, result.output
        assert f"all films: {count} films" in result.output
    refused = cxr("evaluate", tmp_path / "films.csv", "-o", tmp_path / "o", "--split", "validation")
    assert refused.exit_code == 2
    assert "no film is marked validation, these films have test, train" in refused.output


def test_what_was_held_out_is_taken_first(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path
) -> None:
    """Of a run's split.csv the films for validation, unless asked otherwise; it is said."""
    listed = [
        replace(film, split=split)
        for film, split in zip(
            list_films(class_folders), (["train"] * 45 + ["validation"] * 15) * 2, strict=True
        )
    ]
    write_manifest(tmp_path / "films.csv", listed)
    result = cxr("evaluate", tmp_path / "films.csv", "-o", tmp_path / "out")
    assert "the 30 of 120 films that are marked validation" in result.output
    assert "all films: 30 films" in result.output


def test_a_folder_that_is_in_use_is_told_before_the_work(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No film is read for nothing."""
    (tmp_path / "mine.txt").write_text("mine")
    monkeypatch.setattr(filmset, "load_films", None)
    refused = cxr("evaluate", class_folders, "-o", tmp_path)
    assert refused.exit_code == 2
    assert "has other files" in refused.output


def test_the_model_may_be_an_option(cxr: Callable[..., Any], class_folders: Path) -> None:
    """Given twice it is refused."""
    refused = cxr("evaluate", "default", class_folders, "--model", "default")
    assert refused.exit_code == 2
    assert "at most a model and a folder" in refused.output


def test_a_keras_model_takes_no_runtime(cxr: Callable[..., Any], class_folders: Path) -> None:
    """What is asked for and cannot be had is not passed over."""
    refused = cxr("evaluate", "m.keras", class_folders, "--runtime", "onnx")
    assert refused.exit_code == 2
    assert "expected auto for a .keras file, came 'onnx'" in refused.output
