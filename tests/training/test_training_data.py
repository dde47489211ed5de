"""Images of a run, split by patient or by style."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fakes import CLASSES
from numpy.typing import NDArray

from cxr_edge.datasets.csv_manifest import write_csv_manifest
from cxr_edge.datasets.image_set import load_images
from cxr_edge.datasets.listing import list_training_images, list_unlabelled
from cxr_edge.datasets.style_file import read_styles, write_styles
from cxr_edge.errors import DataError, UsageError
from cxr_edge.pipeline.prepare import Pixels, prepare
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training import training_data
from cxr_edge.training.config import FitConfig
from cxr_edge.training.run import train
from cxr_edge.training.training_data import (
    TrainingData,
    add_unlabelled,
    fold_of,
    load_training_data,
)

CONFIG = FitConfig(input=InputSpec(32, 32), validate="styles")


@pytest.fixture
def two_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """120 drawn images: dark normals, bright pneumonias, and six normals that are bright.

    The features are the mean gray level, in place of a network's.
    """
    rng = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(60):
            bright = label == 1 or number < 6
            pixels = rng.normal(200 if bright else 50, 10, (32, 32)).clip(0, 255).astype(np.uint8)
            stem = f"person{number}_virus_1" if label else f"IM-{number:04}-0001"
            assert cv2.imwrite(str(tmp_path / "set" / name / f"{stem}.png"), pixels)

    def brightness(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert pixels.shape[1:] == (224, 224, 1)
        level = (pixels.mean(axis=(1, 2, 3)) > 128) * 100.0
        return np.stack([level, np.arange(len(level)) % 7], axis=1).astype(np.float32)

    monkeypatch.setattr(training_data, "imagenet_features", brightness)
    return tmp_path / "set"


def load(data: Path, config: FitConfig = CONFIG) -> tuple[TrainingData, str]:
    said: list[str] = []
    listed = list_training_images(data, CLASSES)
    whole = replace(config, fold=0)
    loaded = load_training_data(listed, CLASSES, whole, skip_unreadable=False, say=said.append)
    if config.fold:
        loaded = fold_of(loaded, config, said.append)
    return loaded, "\n".join(said)


def test_images_that_name_no_patient_are_told(two_looks: Path) -> None:
    """Where file names tell no patient, a warning counts such images; else there is none."""
    by_patient = replace(CONFIG, validate="patients")
    assert "name no patient" not in load(two_looks, by_patient)[1]
    for number, file in enumerate(sorted((two_looks / "NORMAL").iterdir())):
        file.rename(file.with_name(f"film{number}.png"))
    _, said = load(two_looks, by_patient)
    assert "warning: 60 of 120 images name no patient" in said


def test_counter_style_images_are_validated_on(two_looks: Path) -> None:
    """All six are held out, are marked among the validation images, and none is trained on."""
    data, said = load(two_looks)
    assert data.styles is not None
    names = {
        image.path.stem
        for image, odd in zip(data.validation.images, data.styles.counter, strict=True)
        if odd
    }
    assert names == {f"IM-{number:04}-0001" for number in range(6)}
    assert not names & {image.path.stem for image in data.training.images}
    assert "all 6 counter-style images are held out" in said


def test_clusters_that_are_given_are_not_looked_for(
    two_looks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same images are held out as by clusters that were looked for, wherever they lie now."""
    listed = list_training_images(two_looks, CLASSES)
    images = load_images(listed, CLASSES, CONFIG.input)
    known = tmp_path / "known.csv"
    write_styles(known, images, training_data.image_styles(images))
    expected, _ = load(two_looks)
    monkeypatch.setattr(training_data, "imagenet_features", None)
    moved = two_looks.rename(tmp_path / "moved")
    data = load_training_data(
        list_training_images(moved, CLASSES),
        CLASSES,
        CONFIG,
        styles=known,
        skip_unreadable=False,
        say=lambda line: None,
    )
    assert data.validation.sha256 == expected.validation.sha256


def test_clusters_of_other_images_are_refused(two_looks: Path, tmp_path: Path) -> None:
    """Never a split by patient in their place."""
    listed = list_training_images(two_looks, CLASSES)
    images = load_images(listed, CLASSES, CONFIG.input)
    known = tmp_path / "known.csv"
    write_styles(known, images, training_data.image_styles(images))
    known.write_text("".join(known.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(DataError, match="1 are not in it"):
        load_training_data(
            listed, CLASSES, CONFIG, styles=known, skip_unreadable=False, say=lambda line: None
        )


def test_by_default_the_split_is_by_patient(two_looks: Path) -> None:
    """Without the option nothing is clustered, and counter-style images are on both sides."""
    data, _ = load(two_looks, FitConfig(input=InputSpec(32, 32)))
    assert data.styles is None


@pytest.mark.parametrize("options", [{}, {"validate": "styles"}, {"folds": 3, "fold": 1}])
def test_training_images_have_the_pixels_that_crops_need(
    two_looks: Path, options: dict[str, Any]
) -> None:
    """They are read larger, whatever the split; validation images are as in a scan, and the split
    is the same as without crops."""
    plain = FitConfig(input=InputSpec(16, 16), **options)
    config = replace(plain, crop_area=0.25)
    (whole, _), (data, _) = load(two_looks, plain), load(two_looks, config)
    assert data.training.images == whole.training.images
    assert data.training.sha256 == whole.training.sha256
    for images, spec in ((data.training, InputSpec(32, 32)), (data.validation, InputSpec(16, 16))):
        for image, pixels in zip(images.images, images.pixels, strict=True):
            expected = prepare(image.path, spec).content
            assert isinstance(expected, Pixels)
            np.testing.assert_array_equal(pixels, expected.pixels)


def test_a_fold_learns_from_no_unlabelled_image_of_its_validation_patients(
    two_looks: Path, tmp_path: Path
) -> None:
    """Each of them is learned from by the other folds."""
    more = tmp_path / "more"
    more.mkdir()
    names = [f"person{number}_virus_2.png" for number in range(60)]
    rng = np.random.default_rng(1)
    for name in names:
        assert cv2.imwrite(str(more / name), rng.integers(0, 256, (32, 32), np.uint8))
    config = FitConfig(input=InputSpec(32, 32), folds=3)
    listed = list_unlabelled(more)
    whole, _ = load(two_looks, config)
    whole = add_unlabelled(whole, listed, config, skip_unreadable=False, say=str)
    seen: list[str] = []
    for fold in (1, 2, 3):
        data = fold_of(whole, replace(config, fold=fold), str)
        assert data.unlabelled is not None
        assert not set(data.unlabelled.patients) & set(data.validation.patients)
        seen += [image.path.name for image in data.unlabelled.images]
    assert sorted(seen) == sorted(names * 2)


def test_a_set_too_small_to_cluster_is_split_by_patient(two_looks: Path) -> None:
    """The reason is said, and the run goes on."""
    for path in sorted(two_looks.rglob("*.png"))[15:105]:
        path.unlink()
    data, said = load(two_looks, replace(CONFIG, validation_fraction=0.8))
    assert data.styles is None
    assert "split by patient instead of by style: expected at least 40 images" in said


def test_a_manifest_with_a_split_is_refused(two_looks: Path, tmp_path: Path) -> None:
    """Two splits contradict each other; the message says how to choose."""
    data, _ = load(two_looks)
    manifest = tmp_path / "manifest.csv"
    write_csv_manifest(
        manifest,
        [
            type(image)(image.path, image.label, image.patient, split)
            for split, side in (("train", data.training), ("validation", data.validation))
            for image in side.images
        ],
        CLASSES,
    )
    with pytest.raises(UsageError, match="--validate styles: expected images without a split"):
        load(manifest)


@pytest.mark.slow
def test_the_report_of_a_run_has_figures_by_appearance(two_looks: Path, tmp_path: Path) -> None:
    """The worst group is in the report, and the clusters of the validation images lie beside it."""
    run = tmp_path / "run"
    config = replace(CONFIG, architecture="dense-deep", epochs=1, validation_fraction=0.5)
    train(two_looks, run, config)
    report = (run / "report.md").read_text()
    assert "## By appearance" in report
    assert "None of the counter-style images was trained on." in report
    data, _ = load(two_looks, config)
    assert data.styles is not None
    found = read_styles(run / "styles.csv", data.validation)
    assert (found.counter == data.styles.counter).all()
