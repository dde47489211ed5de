"""Calibration and thresholds that follow from scores, for a share of counter-style images."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fakes import CLASSES
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import UsageError
from cxr_edge.evaluation.style_groups import COUNTER
from cxr_edge.evaluation.worst_group import ALL, worst_of
from cxr_edge.metrics.prior import prior_weights
from cxr_edge.metrics.roc import auc
from cxr_edge.spec.embedding import read_appended_spec
from cxr_edge.training import training_data
from cxr_edge.training.config import FitConfig
from cxr_edge.training.validation import Validated, validate

CONFIG = FitConfig(folds=2)


def scored() -> tuple[ImageSet, dict[str, NDArray[np.float32]], Styles]:
    """Return 400 images, of which 40 negatives look like positives and score like them."""
    rng = np.random.default_rng(0)
    labels = np.array([0] * 200 + [1] * 200)
    counter = np.arange(400) < 40
    clean = rng.normal(np.where(labels == 1, 2, np.where(counter, 1, -2)), 1).astype(np.float32)
    listed = tuple(
        LabelledImage(Path(f"{number}.png"), int(label), f"patient{number}")
        for number, label in enumerate(labels)
    )
    digests = tuple(f"{number:064}" for number in range(400))
    images = ImageSet(CLASSES, listed, np.zeros((400, 2, 2, 1), np.uint8), digests)
    styles = Styles((counter | (labels == 1)).astype(np.int64), np.array([0.0, 0.8]), counter)
    return images, {"clean": clean, "darker": clean - 0.5}, styles


def validated(config: FitConfig = CONFIG) -> Validated:
    images, logits, styles = scored()
    return validate(images, logits, styles, config)


def test_a_prior_moves_calibration_and_thresholds() -> None:
    """Where counter-style negatives are expected often, the same logit means less."""
    plain, expecting = validated(), validated(replace(CONFIG, prior=0.6))
    assert plain.prior is None
    assert expecting.platt.probabilities([1.0])[0] < plain.platt.probabilities([1.0])[0] - 0.05
    assert expecting.prior is not None
    assert expecting.prior.share == 0.6
    assert expecting.prior.unweighted == ("PNEUMONIA",)
    balanced, without = expecting.points[1], expecting.prior.points_without[1]
    assert balanced.threshold > without.threshold
    assert balanced.specificity is not None
    assert without.specificity is not None
    # 60 % of the negatives are as those that are hard, so fewer are spared than in the data.
    negative = expecting.images.labels == 0
    weights, _ = prior_weights(expecting.images.labels, scored()[2].counter, 0.6)
    spared = expecting.scores.round(6) < balanced.threshold
    expected = np.average(spared[negative], weights=weights[negative])
    assert balanced.specificity.value == pytest.approx(expected)


def test_the_share_in_the_data_is_the_default() -> None:
    """A prior that equals it changes nothing."""
    plain, same = validated(), validated(replace(CONFIG, prior=0.2))
    assert same.platt.slope == pytest.approx(plain.platt.slope, rel=1e-3)
    thresholds = [[point.threshold for point in one.points] for one in (plain, same)]
    assert thresholds[0] == pytest.approx(thresholds[1], abs=2e-3)


def test_the_headline_is_the_worst_of_groups_and_all() -> None:
    """A group that states no AUC, because it is small, does not make the others the worst; that it
    states none is marked."""
    found = validated()
    overall = auc(found.images.labels, found.scores)
    worst = worst_of(found.groups, overall)
    assert worst is not None
    assert worst.auc.value < overall.value
    assert worst.counter_style
    few = {name: group for name, group in found.groups.items() if name == "cluster 0"}
    few |= {COUNTER: replace(found.groups[COUNTER], negatives_auc=None)}
    rest = worst_of(few, overall)
    assert rest is not None
    assert (rest.name, rest.auc) == (ALL, overall)
    assert not rest.counter_style
    assert worst_of({}, overall) is None


@pytest.mark.parametrize("options", [{}, {"validate": "patients"}])
def test_a_prior_needs_styles(options: dict[str, Any]) -> None:
    """Nothing would tell which images look like the other class; the message says what would."""
    with pytest.raises(UsageError, match="--prior: expected with --folds or --validate styles"):
        FitConfig(prior=0.5, **options)
    with pytest.raises(UsageError, match="--prior: expected a number from 0 to 1"):
        FitConfig(prior=1.5, validate="styles")


def test_a_prior_for_images_that_cannot_be_clustered_is_refused(
    cxr: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told before anything is trained; without a prior the run would go on."""
    monkeypatch.setattr(training_data, "imagenet_features", lambda pixels: pixels[:, 0, :, 0])
    draw(tmp_path / "set", 19)
    words = ("train", tmp_path / "set", "-o", tmp_path / "run", "--image-size", 32)
    result = cxr(*words, "--validate", "styles", "--prior", 0.3, "--architecture", "dense-deep")
    assert result.exit_code == 2
    assert "--prior: expected images that can be split by style" in result.output
    assert "at least 40 images" in result.output
    assert not (tmp_path / "run").exists()


def draw(folder: Path, count: int, bright: int = 0) -> None:
    """Write images of both classes; ``bright`` normals look like pneumonias."""
    rng = np.random.default_rng(1)
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            level = 180 if label or number < bright else 60
            pixels = rng.normal(level, 20, (32, 32)).clip(0, 255).astype(np.uint8)
            assert cv2.imwrite(str(folder / name / f"{label}-{number}.png"), pixels)


@pytest.mark.slow
def test_a_run_states_its_prior(
    cxr: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Value and thresholds without it are in report and model, of a split by style too."""

    def brightness(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        level = (pixels.mean(axis=(1, 2, 3)) > 120) * 100.0
        return np.stack([level, np.arange(len(level)) % 7], axis=1).astype(np.float32)

    monkeypatch.setattr(training_data, "imagenet_features", brightness)
    draw(tmp_path / "set", 60, bright=12)
    words = ("train", tmp_path / "set", "-o", tmp_path / "run", "--validate", "styles")
    words += ("--prior", 0.125, "--epochs", 1, "--image-size", 32, "--architecture", "dense-deep")
    result = cxr(*words, "--validation-fraction", 0.4)
    assert result.exit_code == 0, result.output
    facts = read_appended_spec((tmp_path / "run" / "model.keras").read_bytes(), "").provenance
    assert facts is not None
    assert facts.prior is not None
    assert (facts.prior.share, facts.validated_by) == (0.125, "styles")
    report = (tmp_path / "run" / "report.md").read_text()
    assert "a deployment in which 12.5 % of each class look like the other one" in report
    assert "PNEUMONIA images kept equal weights" in report
    mark = "weighted for a share of 0.125 of counter-style images"
    assert f"sensitivity and specificity, {mark}, hold:" in report
    for text in (result.output, cxr("models", tmp_path / "run" / "model.keras").output):
        assert "weighted specificity" in " ".join(text.split())
        assert f"{mark} (--prior)" in text
        assert "weighted sensitivity" not in text  # all images of that class count the same
    for point in facts.prior.points_without:
        assert f"| {point.name} | {point.threshold:.6f} |" in report
    assert "--prior 0.125" in facts.command
