"""A run with a network per fold of the patients, and one of all images."""

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fakes import CLASSES
from made_once import made_once
from numpy.typing import NDArray
from typer.testing import CliRunner

from cxr_edge.cli.app import app
from cxr_edge.datasets.classes import Classes
from cxr_edge.datasets.image_set import ImageSet, load_images
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.datasets.listing import list_images
from cxr_edge.datasets.style_file import read_styles, write_styles
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError, UsageError
from cxr_edge.evaluation.platt import fit_platt
from cxr_edge.evaluation.style_groups import COUNTER, EASY
from cxr_edge.evaluation.worst_group import ALL
from cxr_edge.metrics.calibration import logit
from cxr_edge.metrics.operating_points import choose_operating_points
from cxr_edge.metrics.roc import auc
from cxr_edge.models.checksums import file_sha256
from cxr_edge.spec.embedding import read_appended_spec
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.provenance import Provenance
from cxr_edge.training import folds, training_data
from cxr_edge.training.config import FitConfig
from cxr_edge.training.scores import pool_scores, score
from cxr_edge.training.training_data import TrainingData

SPEC = InputSpec(32, 32)
WORDS = ("--folds", 2, "--epochs", 2, "--architecture", "dense-deep", "--image-size", 32)


def draw_looks(folder: Path) -> None:
    """Write dark normals and bright pneumonias with a mark, and 24 normals that are bright too."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(80):
            bright = label == 1 or number < 24
            pixels = rng.normal(180 if bright else 60, 20, (32, 32))
            if label:
                pixels[8:16, 8:16] -= rng.uniform(0, 80)
            stem = f"person{number}_virus_1" if label else f"IM-{number:04}-0001"
            drawn = pixels.clip(0, 255).astype(np.uint8)
            assert cv2.imwrite(str(folder / name / f"{stem}.png"), drawn)


def brightness(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return features that tell dark from bright, in place of a network's."""
    level = (pixels.mean(axis=(1, 2, 3)) > 120) * 100.0
    return np.stack([level, np.arange(len(level)) % 7], axis=1).astype(np.float32)


@pytest.fixture(autouse=True)
def quick_features(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_data, "imagenet_features", brightness)


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn images."""
    return made_once(tmp_path_factory, "looks", draw_looks)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, looks: Path) -> Path:
    """The folder of a run with two folds; not to be changed."""

    def make(out: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training_data, "imagenet_features", brightness)
            words = ("train", looks, "-o", out, *WORDS)
            result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == 0, result.output
        (out / "said.txt").write_text(result.output)

    return made_once(tmp_path_factory, "folds", make, copy=False)


@pytest.fixture
def images(looks: Path) -> ImageSet:
    return load_images(list_images(looks, CLASSES), CLASSES, SPEC)


def facts_of(run: Path) -> Provenance:
    facts = read_appended_spec((run / "model.keras").read_bytes(), "").provenance
    assert facts is not None
    return facts


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_every_image_has_one_prediction_by_a_network_that_did_not_see_its_patient(
    run: Path,
) -> None:
    """The joined table has each image once, and its fold is that of its patient."""
    joined = rows(run / "out-of-fold.csv")
    assert len({row["path"] for row in joined}) == len(joined) == 160
    for fold in ("1", "2"):
        split = rows(run / f"fold-{fold}" / "split.csv")
        trained_on = {row["patient"] for row in split if row["split"] == "train"}
        assert not trained_on & {row["patient"] for row in joined if row["fold"] == fold}
    without = [{key: row[key] for key in row if key != "fold"} for row in joined]
    assert without == rows(run / "predictions.csv")


@pytest.mark.slow
def test_the_network_of_a_folds_run_learns_from_all_images(run: Path) -> None:
    """No image is held out, all epochs are run, and the figures are called out-of-fold."""
    listed = json.loads((run / "training-images.json").read_text())
    assert (len(listed["training"]), listed["validation"]) == (160, [])
    history = rows(run / "history.csv")
    assert len(history) == 2
    assert "val_loss" not in history[0]
    facts = facts_of(run)
    assert (facts.training_films, facts.validation_films, facts.validated_by) == (160, 160, "folds")
    for text in ((run / "report.md").read_text(), (run / "said.txt").read_text()):
        assert "by networks that did not see the patient; the shipped network saw all images" in (
            text
        )
    assert "the weights are those of epoch 2, the last one" in (run / "report.md").read_text()


@pytest.mark.slow
def test_calibration_and_thresholds_are_those_of_all_folds(run: Path, images: ImageSet) -> None:
    """Platt is fitted on the pooled logits, and the operating points are chosen after it, on the
    images and on their changed copies."""
    spec = read_appended_spec((run / "model.keras").read_bytes(), "")
    logits = pool_scores([run / f"fold-{fold}" / "scores.npz" for fold in (1, 2)], images)
    platt = fit_platt(images.labels, logits["clean"])
    clean, *copies = (platt.probabilities(values) for values in logits.values())
    assert len(copies) == 10
    assert spec.operating_points == choose_operating_points(images.labels, clean, copies)
    written = [float(row["probability"]) for row in rows(run / "predictions.csv")]
    np.testing.assert_allclose(written, clean, atol=1e-6)
    assert facts_of(run).validation_auc == auc(images.labels, clean)


@pytest.mark.slow
def test_the_folds_are_not_calibrated_by_themselves(run: Path, images: ImageSet) -> None:
    """The logits that are pooled are those of the networks in the folders of the folds."""
    from cxr_export.keras_models.load import load_original

    split = rows(run / "fold-1" / "split.csv")
    held_out = {row["sha256"] for row in split if row["split"] == "validation"}
    chosen = images.where([digest in held_out for digest in images.sha256])
    original = load_original(run / "fold-1" / "model.keras")
    expected = logit(original.run(chosen.pixels).scores)
    joined = pool_scores([run / f"fold-{fold}" / "scores.npz" for fold in (1, 2)], images)["clean"]
    found = [joined[images.sha256.index(digest)] for digest in chosen.sha256]
    np.testing.assert_allclose(np.clip(found, -10, 10), np.clip(expected, -10, 10), atol=0.01)
    np.testing.assert_allclose(score(original.model, chosen)["clean"], found, atol=1e-4)


@pytest.mark.slow
def test_the_headline_of_a_folds_run_is_its_worst_group(run: Path, images: ImageSet) -> None:
    """Styles are found once, of all images; the worst group is named first, in every place."""
    styles = read_styles(run / "styles.csv", images)
    assert int(styles.counter.sum()) == 24
    facts, scores = (
        facts_of(run),
        [float(row["probability"]) for row in rows(run / "predictions.csv")],
    )
    counter, positive = styles.counter, images.labels == 1
    taken = (counter & ~positive) | positive
    expected = auc(images.labels[taken], np.array(scores)[taken])
    groups = {group.name: group for group in facts.groups}
    assert groups[COUNTER].negatives_auc == expected
    assert {EASY, COUNTER} <= groups.keys()
    worst = facts.worst_group
    assert worst is not None
    assert worst.name != ALL
    assert worst.auc.value <= min(expected.value, facts.validation_auc.value)
    report = (run / "report.md").read_text()
    assert f"AUC {worst.auc} for the worst group by appearance ({worst.name})," in report
    assert f"{facts.easy_auc} without counter-style images" in report
    assert "## By appearance" in report
    assert facts.headline in (run / "said.txt").read_text()


@pytest.mark.slow
def test_a_folds_run_goes_on_with_what_is_missing(
    cxr: Callable[..., Any], run: Path, looks: Path, tmp_path: Path
) -> None:
    """Without --resume it is refused; a missing fold and a missing network are made again, and
    everything is as before."""
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    (copy / "said.txt").unlink()
    words = ("train", looks, "-o", copy, *WORDS)
    assert cxr(*words).exit_code == 2
    again = cxr(*words, "--resume")
    assert again.exit_code == 0, again.output
    assert "is already finished" in again.output
    for name in ("model.keras", "history.csv", "out-of-fold.csv"):
        (copy / name).unlink()
    (copy / "fold-2" / "scores.npz").write_bytes(b"damaged")
    damaged = cxr(*words, "--resume")
    assert damaged.exit_code == 1
    assert "expected the scores of a fold" in damaged.output
    shutil.rmtree(copy / "fold-2")
    resumed = cxr(*words, "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert f"{copy / 'fold-1'} is already finished" in resumed.output
    before, after = (rows(folder / "out-of-fold.csv") for folder in (run, copy))
    names = [[Path(row["path"]).name for row in table] for table in (before, after)]
    assert names[0] == names[1]
    np.testing.assert_allclose(
        *([float(row["probability"]) for row in table] for table in (before, after)), atol=1e-3
    )


@pytest.mark.slow
def test_each_fold_learns_from_the_teacher_that_did_not_see_it(
    cxr: Callable[..., Any], run: Path, looks: Path, tmp_path: Path
) -> None:
    """A run with folds teaches fold by fold, and the network of all images by its own; no teacher
    learned from images that its pupil is validated on."""
    words = ("train", looks, "-o", tmp_path / "pupil", *WORDS, "--epochs", 1, "--teacher", run)
    result = cxr(*words)
    assert result.exit_code == 0, result.output
    assert "may be too good" not in result.output
    assert facts_of(tmp_path / "pupil").teacher_overlap == ()
    for part, name in (("fold-1", "teacher"), ("fold-2", "teacher"), (".", "model")):
        (teacher,) = json.loads((tmp_path / "pupil" / part / "config.json").read_text())["teachers"]
        assert teacher.endswith(file_sha256(run / part / f"{name}.keras"))


@pytest.mark.slow
def test_teachers_of_folds_have_the_scale_of_the_network_of_all_images(
    run: Path, images: ImageSet
) -> None:
    """Each is the fold's network, calibrated by the scores of all folds."""
    from cxr_export.keras_models.load import load_original

    logits = pool_scores([run / f"fold-{fold}" / "scores.npz" for fold in (1, 2)], images)
    platt = fit_platt(images.labels, logits["clean"])
    network, teacher = (
        logit(load_original(run / "fold-1" / name).run(images.pixels[:20]).scores)
        for name in ("model.keras", "teacher.keras")
    )
    np.testing.assert_allclose(teacher, network * platt.slope + platt.shift, rtol=0.01, atol=0.01)


@pytest.mark.slow
def test_a_teacher_with_other_folds_is_refused(
    cxr: Callable[..., Any], run: Path, looks: Path, tmp_path: Path
) -> None:
    """Its networks saw what the pupil's folds hold out."""
    words = ("train", looks, "-o", tmp_path / "pupil", *WORDS, "--teacher", run)
    result = cxr(*words, "--split-seed", 5)
    assert result.exit_code == 2
    assert "fold 1 of" in (said := " ".join(result.output.split()))
    assert "has other images, labels or patients" in said
    fewer = cxr(*words[:4], *WORDS, "--teacher", run, "--folds", 3)
    assert fewer.exit_code == 2
    assert "has --folds 2 in place of 3" in " ".join(fewer.output.split())


@pytest.mark.slow
def test_evaluation_and_export_know_that_no_image_was_held_out(
    cxr: Callable[..., Any], run: Path, looks: Path, tmp_path: Path
) -> None:
    """All images count as trained on; parity is judged on images that were given, and it is
    said; the card tells whose figures it has."""
    found = cxr("evaluate", looks, "--model", run / "model.keras", "-o", tmp_path / "evaluation")
    assert found.exit_code == 0, found.output
    assert "160 of 160 images were trained on" in found.output
    assert "No image is new to the model" in found.output
    package = tmp_path / "package"
    words = ("export", run / "model.keras", "-o", package, "--formats", "onnx", "--images", 20)
    exported = cxr(*words, "--calibration", looks)
    assert exported.exit_code == 0, exported.output
    assert "no image was held out from this network" in exported.output
    judged = cxr("verify", package, "--data", looks, "--held-out", "--no-write")
    assert judged.exit_code == 2
    assert "was trained on all images of its run" in judged.output
    card = (package / "README.md").read_text()
    assert "the shipped network saw all images" in card
    shown = cxr("models", package)
    assert "the shipped network saw all images" in " ".join(shown.output.split())


def test_images_are_decoded_once_for_all_folds(
    looks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fold takes its images from those that are loaded, the larger ones for crops too."""
    decoded: list[tuple[int, int]] = []
    parts: list[TrainingData] = []

    def load(listed: Sequence[LabelledImage], classes: Classes, spec: InputSpec, **_: Any) -> Any:
        decoded.append((len(listed), spec.height))
        return load_images(listed, classes, spec)

    monkeypatch.setattr(training_data, "load_images", load)
    monkeypatch.setattr(folds, "train_loaded", lambda data, *_, **__: parts.append(data))
    config = FitConfig(folds=2, input=SPEC, crop_area=0.25)
    with pytest.raises(DataError, match="expected the scores of a fold"):
        folds.train_folds(looks, tmp_path / "run", config)
    assert decoded == [(160, 32), (160, 64), (160, 224)]
    for data in parts:
        assert data.training.pixels.shape[1:] == (64, 64, 1)
        assert data.validation.pixels.shape[1:] == (32, 32, 1)
    held_out = [digest for data in parts for digest in data.validation.sha256]
    assert sorted(held_out) == sorted(parts[0].images.sha256)


def test_a_folds_run_does_not_go_on_with_other_clusters(
    cxr: Callable[..., Any], looks: Path, images: ImageSet, tmp_path: Path
) -> None:
    """Those given are neither taken nor passed over where the run has others."""
    run, other = tmp_path / "run", tmp_path / "other.csv"
    run.mkdir()
    (run / "config.json").write_text("{}")
    cluster = np.arange(len(images.images)) % 2
    counter = np.arange(len(images.images)) == 0
    write_styles(run / "styles.csv", images, Styles(cluster, np.array([0.5, 0.5]), counter))
    write_styles(other, images, Styles(cluster, np.array([0.5, 0.5]), ~counter))
    result = cxr("train", looks, "-o", run, *WORDS, "--resume", "--styles", other)
    assert result.exit_code == 2, result.output
    assert "--styles: expected the clusters that the run was started with" in result.output


def test_folds_that_lack_a_class_are_told_before_any_is_trained(
    cxr: Callable[..., Any], looks: Path, tmp_path: Path
) -> None:
    """The message names class, fold and the way out."""
    words = ("train", looks, "-o", tmp_path / "run", "--folds", 20, "--image-size", 32)
    result = cxr(*words, "--architecture", "dense-deep")
    assert result.exit_code == 1
    assert "expected at least 10 images of NORMAL in every fold, got 4 in fold 1" in result.output
    assert "use fewer folds" in result.output
    assert not (tmp_path / "run").exists()


def test_a_folds_run_takes_the_clusters_that_are_given(
    looks: Path, images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are the run's clusters, though those that would be found are others."""
    found = training_data.image_styles(images)
    assert found.counter.any()
    write_styles(tmp_path / "given.csv", images, replace(found, counter=found.counter & False))

    def stop(*_: object, **__: object) -> None:
        raise UsageError("no network is trained")

    monkeypatch.setattr(folds, "train_loaded", stop)
    config = FitConfig(folds=2, input=SPEC)
    with pytest.raises(UsageError, match="no network is trained"):
        folds.train_folds(looks, tmp_path / "run", config, styles=tmp_path / "given.csv")
    assert not read_styles(tmp_path / "run" / "styles.csv", images).counter.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "--folds: expected 2 or more folds of the patients"),
        ({"folds": 3, "validate": "styles"}, "--folds: expected without --validate styles"),
    ],
)
def test_what_makes_no_folds_is_refused(options: dict[str, Any], message: str) -> None:
    """One fold trains on nothing, and folds are of patients."""
    with pytest.raises(UsageError, match=message):
        FitConfig(**options)


@pytest.mark.parametrize("option", ["--show-samples", "--tensorboard"])
def test_options_of_one_run_do_not_go_with_folds(
    cxr: Callable[..., Any], tmp_path: Path, option: str
) -> None:
    """It is told before any image is read."""
    result = cxr("train", tmp_path, "--folds", 3, option)
    assert result.exit_code == 2
    assert f"{option}: expected without --folds" in result.output


def test_clusters_need_a_split_that_uses_them(cxr: Callable[..., Any], tmp_path: Path) -> None:
    """A split by patient would leave them unread, which is told before any image is read."""
    result = cxr("train", tmp_path, "--styles", tmp_path)
    assert result.exit_code == 2
    assert "--styles: expected with --folds or --validate styles" in result.output


def test_scores_of_other_images_are_refused(tmp_path: Path, images: ImageSet) -> None:
    """A file that is damaged, or that lacks images, is named with what to do."""
    (tmp_path / "scores.npz").write_text("no scores")
    with pytest.raises(DataError, match="go on with --resume"):
        pool_scores([tmp_path / "scores.npz"], images)
    (tmp_path / "scores.npz").write_bytes(b"")
    with pytest.raises(DataError, match="go on with --resume"):
        pool_scores([tmp_path / "scores.npz"], images)
    with pytest.raises(DataError, match="160 have none"):
        pool_scores([], images)
