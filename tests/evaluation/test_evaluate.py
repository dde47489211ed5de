"""Evaluation of a model on labelled images."""

import csv
import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from copies import COPIES
from fakes import CLASSES, FakeRuntime
from matplotlib.figure import Figure

from cxr_edge.datasets.csv_manifest import write_csv_manifest
from cxr_edge.datasets.image_set import ImageSet, load_images
from cxr_edge.datasets.listing import list_images
from cxr_edge.datasets.patient_split import in_validation
from cxr_edge.datasets.training_images import TrainingImages
from cxr_edge.errors import DataError, ModelInvalid, UsageError
from cxr_edge.evaluation import labelled_data
from cxr_edge.evaluation.evaluate import evaluate_images, rounded_scores
from cxr_edge.evaluation.overlap import (
    ALL,
    NAMES_ALONE,
    NOT_LISTED,
    NOT_TRAINED_ON,
    OF_TRAINING,
    OF_VALIDATION,
    TRAINED_ON,
    VALIDATED_ON,
)
from cxr_edge.evaluation.report import write_evaluation
from cxr_edge.evaluation.shifts import OTHER_CLASS_EXPOSURE, POSITIVE_EXPOSURE
from cxr_edge.models.model import Model
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.provenance import Provenance

pytestmark = pytest.mark.slow

PICTURES = {"confusion.png", "roc.png", "precision-recall.png", "reliability.png", "errors.png"}


@pytest.fixture(scope="module")
def images(class_folders: Path) -> ImageSet:
    return load_images(list_images(class_folders, CLASSES), CLASSES, InputSpec(32, 32))


@pytest.fixture
def trained(spec: ModelSpec, images: ImageSet) -> Model:
    """A model that says on whom it was trained."""
    facts = Provenance(
        "edge", "films", images.digest, "cxr train DATA", 1, 0.5, 1, 1, 1, 1,
        Interval(0.9, 0.8, 1.0), 7,
    )  # fmt: skip
    return Model("ab" * 32, "onnx", FakeRuntime(replace(spec, provenance=facts)))


def test_scores_come_in_the_order_of_the_images(model: Model, images: ImageSet) -> None:
    """Batches are put together again."""
    expected = images.pixels.mean(axis=(1, 2, 3)) / 255
    np.testing.assert_allclose(rounded_scores(model, images.pixels), expected, rtol=1e-5)


def listing(trained: Model, folder: Path, training: ImageSet, validation: ImageSet) -> Model:
    """Return a model that lists its images beside it."""
    facts = trained.spec.provenance
    assert facts is not None
    TrainingImages.of(training.sha256, validation.sha256, facts.data_sha256).write(folder)
    return replace(trained, folder=folder)


def test_the_headline_is_of_images_not_trained_on(
    trained: Model, images: ImageSet, tmp_path: Path
) -> None:
    """Image by image, by the bytes, even if the set is a part of the training set."""
    seen, checked, rest = (images.take(range(*span)) for span in ((0, 50), (50, 60), (60, 120)))
    model = listing(trained, tmp_path, seen, checked)
    some = images.take([*range(30, 60), *range(100, 120)])
    found = evaluate_images(model, some)
    assert found.group == NOT_TRAINED_ON
    counts = {name: figures.images for name, figures in found.groups.items()}
    assert counts == {ALL: 50, NOT_TRAINED_ON: 30, VALIDATED_ON: 10, TRAINED_ON: 20}
    assert set(found.images.sha256).isdisjoint(seen.sha256)
    data = found.to_dict()
    assert (data["overlap"]["trained_on"], data["overlap"]["validated_on"]) == (20, 10)
    assert "20 of 50 images were trained on" in data["overlap"]["remarks"][0]
    nothing_seen = evaluate_images(model, rest)
    assert (nothing_seen.group, list(nothing_seen.groups)) == (ALL, [ALL])
    assert "0 of 60 images were trained on" in nothing_seen.overlap.remarks[0]


def test_a_set_that_was_all_trained_on_shows_nothing(
    trained: Model, images: ImageSet, tmp_path: Path
) -> None:
    """The figures stand there, and beside them that they do not say how good the model is."""
    model = listing(trained, tmp_path, images, images.take([]))
    found = evaluate_images(model, images.take(range(20)))
    assert found.group == ALL
    assert any("No image is new to the model" in line for line in found.overlap.remarks)


def test_other_images_of_the_same_patients_are_told(
    trained: Model, images: ImageSet, tmp_path: Path
) -> None:
    """One image of a patient was trained on, the other was not: it is no image of a new patient."""
    model = listing(trained, tmp_path, images.take([0]), images.take([]))
    found = evaluate_images(model, images.take(range(20)))
    assert any(line.startswith("1 of the other images are of patients") for line in
               found.overlap.remarks)  # fmt: skip


def test_the_list_of_another_model_is_not_believed(
    trained: Model, images: ImageSet, tmp_path: Path
) -> None:
    """A list that lies beside the file by chance tells nothing; a damaged one is refused."""
    TrainingImages.of(images.sha256, images.sha256, "0" * 64).write(tmp_path)
    found = evaluate_images(replace(trained, folder=tmp_path), images.take(range(20)))
    assert found.overlap.trained_on is None
    assert NOT_LISTED in found.overlap.remarks
    for text in ("{", '{"training_images_version": 2}', '{"training_images_version": 1}', "[]"):
        (tmp_path / "training-images.json").write_text(text)
        with pytest.raises(DataError, match="expected the list of a model's training images"):
            evaluate_images(replace(trained, folder=tmp_path), images)


def test_training_patients_are_reported_apart(trained: Model, images: ImageSet) -> None:
    """The images held out are looked at closely; together the groups are all."""
    found = evaluate_images(trained, images)
    assert list(found.groups) == [ALL, OF_VALIDATION, OF_TRAINING]
    assert found.group == OF_VALIDATION
    counts = [figures.images for figures in found.groups.values()]
    assert counts[0] == counts[1] + counts[2] == len(images.images)
    assert all(in_validation(image.patient, 7, 0.5) for image in found.images.images)
    assert len(found.scores) == len(found.images.images) == counts[1]


def published(images: ImageSet) -> ImageSet:
    """Return some of the images, under names of the Kermany set as it was published."""
    some = images.take(list(range(5, 115)))
    renamed = (replace(image, path=image.path.with_suffix(".jpeg")) for image in some.images)
    return replace(some, images=tuple(renamed))


def test_names_of_the_published_set_tell_who_was_validated_on(
    trained: Model, images: ImageSet, tmp_path: Path
) -> None:
    """Headline, tables and predictions are the validation patients', and one sentence says why."""
    found = evaluate_images(trained, published(images))
    assert list(found.groups) == [ALL, OF_VALIDATION, OF_TRAINING]
    assert found.group == OF_VALIDATION
    assert len(found.scores) == found.groups[OF_VALIDATION].images < 110
    assert found.overlap.remarks.count(NAMES_ALONE) == 1
    assert NOT_LISTED not in found.overlap.remarks
    write_evaluation(found, tmp_path / "out")
    text = (tmp_path / "out" / "report.md").read_text()
    assert f"Below, {OF_VALIDATION}: {len(found.scores)} images" in text
    assert NAMES_ALONE in text
    data = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert (data["group"], data["overlap"]["remarks"][0]) == (OF_VALIDATION, NAMES_ALONE)


def test_names_like_those_of_the_published_set_tell_nothing(
    trained: Model, images: ImageSet
) -> None:
    """Drawn phantoms in PNG are no patients of the model, whatever they are called."""
    found = evaluate_images(trained, images.take(list(range(5, 115))))
    assert (found.group, list(found.groups)) == (ALL, [ALL])
    assert found.overlap.remarks == (NOT_LISTED,)


def test_the_very_images_of_a_run_need_no_warning(trained: Model, images: ImageSet) -> None:
    """Their digest shows whose names they are."""
    assert NAMES_ALONE not in evaluate_images(trained, images).overlap.remarks


def test_merged_patients_belong_to_no_group(trained: Model, images: ImageSet) -> None:
    """Where a manifest has patients of its own, the split by name is not theirs."""
    first = replace(images.images[0], patient="IM-0007")
    merged = replace(images, images=(first, *images.images[1:]))
    assert list(evaluate_images(trained, merged).groups) == [ALL]


def test_images_for_test_belong_to_no_group(trained: Model, images: ImageSet) -> None:
    """Nor do images whose names tell no patient, or those of a model that says nothing."""
    marked = replace(images, images=tuple(replace(image, split="test") for image in images.images))
    assert list(evaluate_images(trained, marked).groups) == [ALL]
    plain = replace(trained.spec, provenance=None)
    assert list(evaluate_images(Model("ab" * 32, "onnx", FakeRuntime(plain)), images).groups) == [
        ALL
    ]


def test_the_folder_has_all(model: Model, images: ImageSet, tmp_path: Path) -> None:
    """Figures, predictions, a report that shows every picture there is."""
    found = evaluate_images(model, images, copies=True, counterfactual=True)
    write_evaluation(found, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"evaluation.json", "predictions.csv", "report.md", *PICTURES}
    data = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert tuple(data["copies"]) == COPIES
    assert len(data["counterfactual"]) == 4
    assert data["groups"][ALL]["films"] == len(images.images)
    report = (tmp_path / "out" / "report.md").read_text()
    assert "Research use only" in report
    assert all(f"({name})" in report for name in PICTURES)
    assert report.count("macro avg") == len(model.spec.operating_points)
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["probability"]) for row in rows] == pytest.approx(found.scores, abs=1e-6)


def test_one_class_alone_can_be_evaluated(model: Model, images: ImageSet, tmp_path: Path) -> None:
    """Figures that need both classes are left out."""
    only = images.where(list(images.labels == 1))
    found = evaluate_images(model, only, copies=True, counterfactual=True)
    assert set(found.copies) == set(COPIES) - {OTHER_CLASS_EXPOSURE, POSITIVE_EXPOSURE}
    write_evaluation(found, tmp_path)
    assert found.figures.auc is None
    assert not (tmp_path / "roc.png").exists()
    assert "roc.png" not in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize("labels", [("PNEUMONIA", "NORMAL"), ("NO", "YES")])
def test_a_model_of_other_classes_is_refused(
    spec: ModelSpec, images: ImageSet, labels: tuple[str, str]
) -> None:
    """The message names the classes of both sides."""
    other = Model("ab" * 32, "onnx", FakeRuntime(replace(spec, labels=labels)))
    message = f"{' and '.join(labels)} .*, got NORMAL and PNEUMONIA"
    with pytest.raises(DataError, match=message):
        evaluate_images(other, images)


@pytest.mark.parametrize("value", [np.nan, 1.5, -0.1])
def test_scores_that_are_no_probabilities_are_refused(
    model: Model, images: ImageSet, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    """Logits and numbers that are none."""
    monkeypatch.setattr(
        FakeRuntime, "run", lambda _, pixels: Outputs(np.full(len(pixels), value, np.float32))
    )
    with pytest.raises(ModelInvalid, match="expected probabilities"):
        evaluate_images(model, images)


def test_report_and_matrix_round_alike(model: Model, images: ImageSet) -> None:
    """Scores are rounded once, before anything is held against a threshold."""
    found = evaluate_images(model, images)
    np.testing.assert_array_equal(found.scores, found.scores.round(6))


def test_other_peoples_files_are_left_alone(model: Model, images: ImageSet, tmp_path: Path) -> None:
    """A folder that is no evaluation is not written into; an older evaluation is replaced."""
    (tmp_path / "report.md").write_text("mine")
    with pytest.raises(UsageError, match="has other files"):
        write_evaluation(evaluate_images(model, images), tmp_path)
    assert (tmp_path / "report.md").read_text() == "mine"
    write_evaluation(evaluate_images(model, images), tmp_path / "out")
    write_evaluation(
        evaluate_images(model, images.where(list(images.labels == 1))), tmp_path / "out"
    )
    assert not (tmp_path / "out" / "roc.png").exists()


def test_a_failed_write_leaves_the_earlier_evaluation(
    model: Model, images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk while a picture is drawn costs no file that was there, and leaves no half one."""
    write_evaluation(evaluate_images(model, images), tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def fill_disk(_: Figure, path: Path, **__: object) -> None:
        path.write_bytes(b"half a picture")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", fill_disk)
    with pytest.raises(UsageError, match="No space left on device"):
        write_evaluation(evaluate_images(model, images), tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_odd_names_are_drawn(model: Model, images: ImageSet, tmp_path: Path) -> None:
    """Names that are mathematics to the plotter, or no UTF-8."""
    names = ("cost$^$5.png", "a\udcff.png")
    odd = tuple(replace(image, path=Path(names[n % 2])) for n, image in enumerate(images.images))
    write_evaluation(evaluate_images(model, replace(images, images=odd)), tmp_path / "out")
    assert (tmp_path / "out" / "errors.png").exists()


def test_a_folder_that_cannot_be_written_is_told(
    model: Model, images: ImageSet, tmp_path: Path
) -> None:
    """In one line."""
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="cannot be made"):
        write_evaluation(evaluate_images(model, images), tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("file", ["model.onnx", "model.tflite", "model.keras"])
def test_every_format_gives_the_same_figures(
    cxr: Callable[..., Any], package: Path, class_folders: Path, tmp_path: Path, file: str
) -> None:
    """ONNX, TFLite and Keras through one seam: the figures of the run's validation images."""
    result = cxr("evaluate", class_folders, "--model", package / file, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    data = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    spec = json.loads((package / "spec.json").read_text())
    assert data["group"] == NOT_TRAINED_ON
    assert data["overlap"]["trained_on"] == spec["provenance"]["training_films"]
    found = data["groups"][NOT_TRAINED_ON]["auc"]["value"]
    assert found == pytest.approx(spec["provenance"]["validation_auc"]["value"], abs=1e-6)
    assert "confusion matrix" in result.output


def test_the_split_is_chosen(cxr: Callable[..., Any], class_folders: Path, tmp_path: Path) -> None:
    """Those for test where there are any; any other by name; what is not there is refused."""
    listed = [
        replace(image, split=split)
        for image, split in zip(
            list_images(class_folders, CLASSES), (["train"] * 50 + ["test"] * 10) * 2, strict=True
        )
    ]
    write_csv_manifest(tmp_path / "films.csv", listed, CLASSES)
    for words, count in (((), 20), (("--split", "train"), 100), (("--split", "all"), 120)):
        out = ("-o", tmp_path / "out", "--overwrite")
        result = cxr("evaluate", tmp_path / "films.csv", *out, *words)
        assert result.exit_code == 0, result.output
        assert f"all images: {count} images" in result.output
    refused = cxr("evaluate", tmp_path / "films.csv", "-o", tmp_path / "o", "--split", "validation")
    assert refused.exit_code == 2
    assert "a split with images (test or train), got 'validation' without any" in refused.output
    refused = cxr("evaluate", class_folders, "-o", tmp_path / "o", "--split", "test")
    assert refused.exit_code == 2
    assert "images of the split 'test', got images without a split; leave --split" in refused.output


def test_what_was_held_out_is_taken_first(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path
) -> None:
    """A run's split.csv gives its images for validation, unless asked otherwise; it is said."""
    listed = [
        replace(image, split=split)
        for image, split in zip(
            list_images(class_folders, CLASSES),
            (["train"] * 45 + ["validation"] * 15) * 2,
            strict=True,
        )
    ]
    write_csv_manifest(tmp_path / "films.csv", listed, CLASSES)
    result = cxr("evaluate", tmp_path / "films.csv", "-o", tmp_path / "out")
    assert "split: validation (--split chooses another)" in result.output
    assert "all images: 30 images" in result.output


def test_a_folder_that_is_in_use_is_told_before_the_work(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No image is read for nothing."""
    (tmp_path / "mine.txt").write_text("mine")
    monkeypatch.setattr(labelled_data, "load_images", None)
    refused = cxr("evaluate", class_folders, "-o", tmp_path)
    assert refused.exit_code == 2
    assert "has other files" in refused.output


def test_both_sides_are_named_where_classes_differ(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path
) -> None:
    """A model cannot be judged on images of other classes."""
    shutil.copytree(class_folders, tmp_path / "data")
    (tmp_path / "data" / "PNEUMONIA").rename(tmp_path / "data" / "TB")
    refused = cxr("evaluate", tmp_path / "data", "-o", tmp_path / "out")
    assert refused.exit_code == 1
    message = " ".join(refused.output.split())
    assert "the classes of the model cxr-twin@" in message
    assert "NORMAL and PNEUMONIA, got the folders 'NORMAL' and 'TB'" in message


def test_the_terminal_gets_no_markdown(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path
) -> None:
    """Tables are Markdown in report.md alone."""
    words = ("--shifted", "--counterfactual", "-o", tmp_path / "out")
    result = cxr("evaluate", class_folders, *words)
    assert result.exit_code == 0, result.output
    assert "|" not in result.output
    assert "|" in (tmp_path / "out" / "report.md").read_text()


def test_a_keras_model_takes_no_runtime(
    cxr: Callable[..., Any], class_folders: Path, tmp_path: Path
) -> None:
    """A request that cannot be met is not skipped."""
    model = tmp_path / "m.keras"
    model.touch()
    refused = cxr("evaluate", class_folders, "--model", model, "--runtime", "onnx")
    assert refused.exit_code == 2
    assert "expected auto for a .keras file, got 'onnx'" in refused.output
