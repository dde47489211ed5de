"""The site check: a model on labelled images of a new hospital."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import CLASSES, FakeRuntime

from cxr_edge.cli.calibrate import calibrate
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.errors import DataError
from cxr_edge.evaluation.evaluate import evaluate_images
from cxr_edge.evaluation.platt import UNCALIBRATED
from cxr_edge.evaluation.site_check import SiteCheck, site_check
from cxr_edge.evaluation.site_sample import LEAST, LEAST_PATIENTS, require_enough
from cxr_edge.metrics.calibration import logit, probability
from cxr_edge.metrics.operating_points import at_threshold, choose_operating_points
from cxr_edge.metrics.proportions import wilson
from cxr_edge.models.model import Model
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.review_band import ReviewBand


def checked(
    spec: ModelSpec, labels: np.ndarray, scores: np.ndarray, keep: float = 0.98
) -> SiteCheck:
    """Check a model that gives these scores, to 1/255, for images of patients with one each."""
    pixels = np.broadcast_to(
        np.round(scores * 255).astype(np.uint8)[:, None, None, None], (len(scores), 2, 2, 1)
    )
    images = ImageSet(
        CLASSES,
        tuple(
            LabelledImage(Path(f"{n}.png"), int(label), str(n)) for n, label in enumerate(labels)
        ),
        pixels,
        tuple(f"{n:064x}" for n in range(len(labels))),
    )
    found = evaluate_images(Model("ab" * 32, "onnx", FakeRuntime(spec)), images)
    return site_check(found, keep)


def too_sure(count: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, and scores whose logits are twice too large and shifted."""
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1, count)
    return (rng.random(count) < probability(truth)).astype(int), probability(2 * truth + 1)


def telling(count: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, and the scores of a model that tells the classes apart well."""
    rng = np.random.default_rng(0)
    labels = rng.permutation([0, 1] * (count // 2))
    return labels, probability(rng.normal(4 * labels - 2, 1))


def test_platt_scaling_mends_a_model_that_is_too_sure(spec: ModelSpec) -> None:
    """Its parameters are found, and the error that it leaves on other patients is smaller."""
    check = checked(spec, *too_sure())
    assert check.platt.slope == pytest.approx(0.5, abs=0.15)
    assert check.platt.shift == pytest.approx(-0.5, abs=0.25)
    assert check.calibrated_error.high < check.calibration_error.low


def test_figures_of_chosen_thresholds_are_out_of_fold(spec: ModelSpec) -> None:
    """Labels drawn by lot: the thresholds look good on the images that they are chosen on, and the
    site check does not repeat that."""
    rng = np.random.default_rng(3)
    labels, scores = rng.permutation([0, 1] * 50), rng.random(100)
    points = (OperatingPoint("balanced", 0.5),)
    check = checked(
        replace(spec, operating_points=points, default_operating_point="balanced"), labels, scores
    )
    chosen = {one.name: one for one in choose_operating_points(labels, check.found.scores)}
    mine, flattering = check.point("balanced"), chosen["balanced"]
    assert mine.threshold == flattering.threshold
    assert mine.sensitivity
    assert mine.specificity
    assert flattering.sensitivity
    assert flattering.specificity
    assert (
        mine.sensitivity.value + mine.specificity.value
        < flattering.sensitivity.value + flattering.specificity.value - 0.05
    )


def test_names_stay_and_each_point_has_the_rates_of_the_site(spec: ModelSpec) -> None:
    """``study`` keeps its threshold with the rates of these images; screening has a new one."""
    labels, scores = too_sure()
    check = checked(spec, labels, scores, keep=0.9)
    assert [point.name for point in check.points] == ["screening", "study"]
    assert check.spec.default_operating_point == "screening"
    assert check.point("study") == at_threshold("study", 0.5, labels, check.found.scores)
    screening = check.point("screening")
    kept = at_threshold("x", screening.threshold, labels, check.found.scores).sensitivity
    above = at_threshold("x", screening.threshold + 0.01, labels, check.found.scores).sensitivity
    assert kept
    assert above
    assert above.value < 0.9 <= kept.value


def test_a_model_without_screening_gets_it(spec: ModelSpec) -> None:
    """Its own operating points and its default stay the same."""
    other = replace(
        spec, operating_points=(OperatingPoint("own", 0.3),), default_operating_point="own"
    )
    check = checked(other, *too_sure())
    assert [point.name for point in check.points] == ["own", "screening"]
    assert check.spec.operating_point().threshold == 0.3


def test_the_spec_says_what_it_was_made_from(spec: ModelSpec) -> None:
    """Counts and digest of the images are in it, a band of other thresholds is not, and it is read
    back as it was written."""
    banded = replace(spec, review_band=ReviewBand(0.9, 0.2, 0.7, ()))
    labels, scores = too_sure()
    check = checked(banded, labels, scores)
    written = check.spec
    assert ModelSpec.from_json(written.to_json()) == written
    assert written.site
    assert (written.site.images, written.site.patients) == (600, 600)
    assert written.site.positives == labels.sum()
    assert written.site.data_sha256 == check.found.images.digest
    assert written.review_band is None
    assert any("review band" in remark for remark in check.remarks)


def test_a_model_that_fails_here_is_told(spec: ModelSpec) -> None:
    """Chance, a reversed order, and rates below those of the spec each have a sentence."""
    labels, scores = too_sure()
    stated = replace(spec.operating_points[0], specificity=wilson(99, 100))
    check = checked(replace(spec, operating_points=(stated,)), labels, 1 - scores)
    assert check.platt == UNCALIBRATED
    told = " ".join(check.remarks)
    assert "no threshold and no calibration makes the model fit" in told
    assert "Higher probabilities do not go with PNEUMONIA here" in told
    assert "The specificity at screening is below that of the model's spec" in told
    assert not checked(spec, *telling()).remarks


def test_a_model_that_calls_nearly_all_images_positive_is_called_useless(spec: ModelSpec) -> None:
    """A specificity at screening whose whole interval is below 0.5 has a note that names it, and no
    scan is recommended although the AUC is above chance; a good threshold has neither."""
    check = checked(spec, *too_sure())
    rate = check.point("screening").specificity
    assert check.above_chance
    assert rate
    assert rate.high < 0.5
    assert f"At screening ({check.point('screening').threshold:g})" in check.remarks[0]
    assert f"close to useless here: the specificity is {rate}" in check.remarks[0]
    assert "close to useless here at screening" in check.against_scans
    assert not checked(spec, *telling()).against_scans


def test_images_without_a_patient_have_a_note(spec: ModelSpec) -> None:
    """Where no patient is named, each image counts as one, and the remarks say what that means."""
    labels, scores = telling(100)
    named = checked(spec, labels, scores)
    images = named.found.images
    unnamed = tuple(replace(image, patient=image.path.name) for image in images.images[:60])
    found = replace(named.found, images=replace(images, images=(*unnamed, *images.images[60:])))
    (told,) = site_check(found).remarks
    assert told.startswith("60 of 100 images name no patient")
    assert not named.remarks


def test_thresholds_on_calibrated_probabilities_are_those_on_probabilities(
    spec: ModelSpec,
) -> None:
    """Platt scaling keeps the order, so no label changes with it."""
    check = checked(spec, *too_sure())
    threshold = check.point("screening").threshold
    calibrated = check.platt.probabilities(logit(check.found.scores))
    np.testing.assert_array_equal(
        calibrated >= check.platt.probabilities(logit(threshold)),
        check.found.scores >= threshold,
    )


def some(negatives: int, positives: int, patients: int = 10_000) -> list[LabelledImage]:
    """Return listed images; those of a class are of so many patients at most."""
    return [
        LabelledImage(Path(f"{label}-{n}.png"), label, f"{label}-{n % patients}")
        for label, count in enumerate((negatives, positives))
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (some(500, LEAST - 1), r"at least 40 images of PNEUMONIA, got 39: a rate of 0\.5 would "),
        (some(6, 6), r"NORMAL, got 6: a rate of 0\.5 .* 0\.19 to 0\.81, with 40 images 0\.35 to"),
        (some(500, 0), "PNEUMONIA, got 0: without images of both classes there are no figures"),
        (some(500, 500, LEAST_PATIENTS - 1), "NORMAL of at least 10 patients, got 9"),
    ],
)
def test_too_few_images_are_refused(images: list[LabelledImage], message: str) -> None:
    """The message names the class, and the interval that so few images would give."""
    with pytest.raises(DataError, match=message):
        require_enough(images, CLASSES)


def test_the_least_count_keeps_intervals_narrow() -> None:
    """No rate of the least count of images has an interval wider than 0.3, and the help says so."""
    require_enough(some(LEAST, LEAST), CLASSES)
    widths = [wilson(k, LEAST).high - wilson(k, LEAST).low for k in range(LEAST + 1)]
    assert max(widths) <= 0.3
    assert calibrate.__doc__
    told = " ".join(calibrate.__doc__.split())
    assert f"at least {LEAST} images of each class, of at least {LEAST_PATIENTS} patients" in told
