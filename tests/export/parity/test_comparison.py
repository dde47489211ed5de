"""Scores against scores: what each gate lets pass, and what it stops."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import UNKNOWN, LabelledImage
from cxr_edge.errors import UsageError
from cxr_edge.metrics.bootstrap import paired_changes
from cxr_edge.metrics.proportions import wilson
from cxr_edge.metrics.roc import auc
from cxr_edge.models.gates import GATES, Gate
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.precision import Precision
from cxr_export.parity.comparison import Comparison, compare_scores
from cxr_export.parity.verdict import Verdict

COUNT = 400


def images(labels: list[int]) -> ImageSet:
    """Images without content, two a patient."""
    listed = [
        LabelledImage(Path(f"image{number}.png"), label, f"p{number // 2}")
        for number, label in enumerate(labels)
    ]
    pixels = np.zeros((len(labels), 1, 1, 1), np.uint8)
    return ImageSet(("NORMAL", "PNEUMONIA"), tuple(listed), pixels, ("",) * len(labels))


@pytest.fixture
def labels() -> list[int]:
    return [number % 2 for number in range(COUNT)]


@pytest.fixture
def reference(labels: list[int]) -> NDArray[np.float64]:
    """Scores that part the classes but for a few images."""
    noise = np.random.default_rng(0).normal(0, 0.12, COUNT)
    return np.clip(0.2 + 0.5 * np.array(labels) + noise, 0.01, 0.99)


def judge(
    labels: list[int],
    reference: NDArray[np.float64],
    candidate: NDArray[np.float64],
    spec: ModelSpec,
    precision: str,
) -> Comparison:
    return compare_scores(images(labels), reference, candidate, spec, GATES[precision])


def test_there_is_a_gate_for_each_precision() -> None:
    """No artefact goes unjudged."""
    assert set(GATES) == set(Precision)


@pytest.mark.parametrize("precision", GATES)
def test_equal_scores_pass_every_gate(
    labels: list[int], reference: NDArray[np.float64], spec: ModelSpec, precision: str
) -> None:
    """Nothing differs, nothing flips, nothing is lost."""
    found = judge(labels, reference, reference, spec, precision)
    assert found.verdict is Verdict.PASSED
    assert (found.max_difference, found.p99_difference, found.mean_difference) == (0, 0, 0)
    assert set(found.flips.values()) == {0}
    assert found.changes.auc
    assert found.changes.auc.value == 0


@pytest.mark.parametrize(
    ("precision", "step", "passes"),
    [("fp32", 9e-5, True), ("fp32", 2e-4, False), ("fp16", 4e-3, True), ("fp16", 6e-3, False),
     ("int8", 6e-3, True), ("dynamic", 6e-3, True)],
)  # fmt: skip
def test_one_image_too_far_stops_floats(
    labels: list[int],
    reference: NDArray[np.float64],
    spec: ModelSpec,
    precision: str,
    step: float,
    passes: bool,
) -> None:
    """The limit is on the worst image; int8 is not held to one."""
    candidate = reference.copy()
    worst = int(np.argmin(reference))  # far from every threshold
    candidate[worst] += step
    found = judge(labels, reference, candidate, spec, precision)
    assert (found.verdict is Verdict.PASSED) is passes
    assert found.worst_image == f"image{worst}.png"
    assert passes or found.mismatches == [
        f"|Δp| {step:.2e} on image{worst}.png, allowed {GATES[precision].difference:g}"
    ]


@pytest.mark.parametrize(
    ("flipped", "verdict"), [(2, "passed"), (3, "inconclusive"), (5, "inconclusive"), (6, "failed")]
)
def test_too_many_flips_stop_int8(
    labels: list[int],
    reference: NDArray[np.float64],
    spec: ModelSpec,
    flipped: int,
    verdict: str,
) -> None:
    """Half a percent of 400 images are two, and six are surely more; false alarms count too."""
    candidate = reference.copy()
    negatives = np.flatnonzero((np.array(labels) == 0) & (reference < 0.4))[:flipped]
    candidate[negatives] = 0.45  # positive at screening (0.4), not at study (0.5)
    found = judge(labels, reference, candidate, spec, "int8")
    assert found.flips == {"screening": flipped, "study": 0}
    assert found.verdict == verdict
    assert bool(found.mismatches) == (verdict == "failed")
    assert bool(found.undecided) == (verdict == "inconclusive")


def test_one_flip_in_145_images_is_too_few_to_tell(spec: ModelSpec) -> None:
    """The line has the share's interval and the images that would tell; nothing fails."""
    labels = [0] * 25 + [1] * 120
    expected = np.where(labels, 0.9, 0.1)
    candidate = expected.copy()
    candidate[0] = 0.45
    found = compare_scores(images(labels), expected, candidate, spec, GATES["int8"])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.mismatches == []
    (line,) = found.undecided
    assert line == (
        "1 of 145 labels differ at screening, allowed 0.5%; 95 % interval 0.02% to 3.78%; "
        "about 6,400 images like these would tell"
    )
    data = found.to_dict()
    assert (data["verdict"], data["passed"]) == ("inconclusive", False)


def test_a_limit_of_zero_is_no_rate(reference: NDArray[np.float64], spec: ModelSpec) -> None:
    """Where nothing may differ, one case fails however few the images are."""
    candidate = reference[:20].copy()
    candidate[0] = 1 - candidate[0]
    none = Gate(None, flips=0.0, auc_loss=0.0, sensitivity_loss=0.0)
    labels = [int(score >= 0.5) for score in reference[:20]]
    found = compare_scores(images(labels), reference[:20], candidate, spec, none)
    assert found.verdict is Verdict.FAILED
    assert found.undecided == []


def test_one_flip_stops_fp32(
    labels: list[int], reference: NDArray[np.float64], spec: ModelSpec
) -> None:
    """However small the step, a changed label is a changed label."""
    reference[0] = 0.399999
    candidate = reference.copy()
    candidate[0] = 0.400001
    found = judge(labels, reference, candidate, spec, "fp32")
    assert found.mismatches == ["1 of 400 labels differ at screening, allowed 0.0%"]
    assert found.nearest["screening"].distance == pytest.approx(1e-6)
    assert found.nearest["screening"].difference == pytest.approx(2e-6)


def test_a_missed_pneumonia_stops_int8(
    labels: list[int], reference: NDArray[np.float64], spec: ModelSpec
) -> None:
    """Two flips are allowed; two pneumonias lost of 200 may be too many, twelve surely are."""
    candidate = reference.copy()
    found_before = np.flatnonzero((np.array(labels) == 1) & (reference >= 0.4))
    candidate[found_before[:2]] = 0.39
    found = judge(labels, reference, candidate, spec, "int8")
    assert found.mismatches == []
    (line,) = found.undecided
    assert line.startswith("sensitivity at screening changes by -0.0100, allowed -0.0050; 95 % int")
    candidate[found_before[:12]] = 0.39
    loose = Gate(None, flips=1.0, sensitivity_loss=0.005)
    surely = compare_scores(images(labels), reference, candidate, spec, loose)
    assert surely.mismatches == ["sensitivity at screening changes by -0.0600, allowed -0.0050"]


def test_a_lost_ranking_stops_int8_without_a_flip(
    labels: list[int], reference: NDArray[np.float64], spec: ModelSpec
) -> None:
    """Scores squeezed above the threshold keep their labels and lose the AUC."""
    above = 0.5 + reference / 2
    found = judge(labels, above, np.full(COUNT, 0.75), spec, "int8")
    assert set(found.flips.values()) == {0}
    assert [line.split(" ")[0] for line in found.mismatches] == ["AUC"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, 1.1])
def test_no_probability_passes_no_gate(
    labels: list[int], reference: NDArray[np.float64], spec: ModelSpec, value: float
) -> None:
    """Even a gate without a limit on |Δp| stops what is no probability."""
    candidate = reference.copy()
    candidate[7] = value
    found = judge(labels, reference, candidate, spec, "int8")
    assert any("no probability on image7.png" in line for line in found.mismatches)


def test_the_gate_looks_at_screening_whatever_is_default(
    labels: list[int], reference: NDArray[np.float64], spec: ModelSpec
) -> None:
    """A missed pneumonia is looked for where it costs most."""
    other = replace(spec, default_operating_point="study")
    assert judge(labels, reference, reference, other, "int8").judged_at == "screening"
    renamed = replace(
        spec, operating_points=(OperatingPoint("own", 0.3),), default_operating_point="own"
    )
    assert judge(labels, reference, reference, renamed, "int8").judged_at == "own"


def test_images_without_labels_are_judged_by_differences_alone(
    reference: NDArray[np.float64], spec: ModelSpec
) -> None:
    """No label, no AUC; one class, no AUC either."""
    found = judge([UNKNOWN] * COUNT, reference, 0.9 * reference, spec, "int8")
    assert found.changes.images == 0
    assert found.unjudged == ["AUC", "sensitivity at screening"]
    assert any("labels differ" in line for line in found.mismatches)
    assert judge([UNKNOWN] * COUNT, reference, reference, spec, "fp32").unjudged == []


def test_positives_alone_tell_a_loss_of_sensitivity(
    reference: NDArray[np.float64], spec: ModelSpec
) -> None:
    """There is no AUC with one class; a pneumonia that is lost is told all the same."""
    candidate = reference.copy()
    lost = np.flatnonzero(reference >= 0.4)[:20]
    candidate[lost] = 0.3
    loose = Gate(None, flips=1.0, auc_loss=0.002, sensitivity_loss=0.005)
    found = compare_scores(images([1] * COUNT), reference, candidate, spec, loose)
    assert found.unjudged == ["AUC"]
    assert found.mismatches == ["sensitivity at screening changes by -0.0500, allowed -0.0050"]
    assert found.changes.specificity == {}


@pytest.mark.parametrize("limit", [np.nan, np.inf, -1.0])
def test_a_gate_has_limits(limit: float) -> None:
    """A limit that is no number would let everything pass."""
    with pytest.raises(UsageError, match="from 0 to 1"):
        Gate(None, flips=0.0, auc_loss=limit)


def test_figures_that_are_none_stand_as_null(
    labels: list[int], reference: NDArray[np.float64], spec: ModelSpec
) -> None:
    """JSON knows neither NaN nor infinity."""
    data = judge(labels, reference, np.full(COUNT, np.nan), spec, "fp32").to_dict()
    assert data["max_difference"] is None
    json.dumps(data, allow_nan=False)


def test_bootstrap_changes_are_those_of_the_metrics(
    labels: list[int], reference: NDArray[np.float64], spec: ModelSpec
) -> None:
    """The point estimates are the plain differences, ties counted; the intervals hold them."""
    candidate = np.clip(reference + np.random.default_rng(1).normal(0, 0.1, COUNT), 0, 1).round(2)
    patients = [f"p{number // 2}" for number in range(COUNT)]
    changes = paired_changes(labels, reference, candidate, patients, spec.operating_points)
    assert changes.auc
    wanted = auc(labels, candidate).value - auc(labels, reference).value
    assert changes.auc.value == pytest.approx(wanted, abs=1e-9)
    assert changes.auc.low < changes.auc.value < changes.auc.high
    positive = np.array(labels) == 1
    shares = [wilson(int((s[positive] >= 0.4).sum()), 200).value for s in (reference, candidate)]
    assert changes.sensitivity["screening"].value == pytest.approx(shares[1] - shares[0])
    again = paired_changes(labels, reference, candidate, patients, spec.operating_points)
    assert again == changes


def test_images_of_one_patient_are_drawn_together(spec: ModelSpec) -> None:
    """Twenty copies of a patient's image make the interval no narrower."""
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], 20)
    reference, candidate = rng.uniform(0, 1, 40), rng.uniform(0, 1, 40)
    patients = [f"p{number}" for number in range(40)]
    once = paired_changes(labels, reference, candidate, patients, spec.operating_points)
    many = paired_changes(
        np.repeat(labels, 20), np.repeat(reference, 20), np.repeat(candidate, 20),
        [name for name in patients for _ in range(20)], spec.operating_points,
    )  # fmt: skip
    width = [change.auc.high - change.auc.low for change in (once, many) if change.auc]
    assert width[1] == pytest.approx(width[0], rel=0.05)


def test_a_gate_can_be_moved(
    labels: list[int], reference: NDArray[np.float64], spec: ModelSpec
) -> None:
    """Loose limits let anything pass that is a probability."""
    loose = Gate(None, flips=1.0)
    found = compare_scores(images(labels), reference, 1 - reference, spec, loose)
    assert found.verdict is Verdict.PASSED
    assert found.changes.auc
    assert found.changes.auc.value < -0.9


def test_the_images_that_would_tell_are_more_than_there_are(spec: ModelSpec) -> None:
    """Verdict and count are by the same interval."""
    labels = [0] * 25 + [1] * 120
    expected = np.where(labels, 0.9, 0.1)
    candidate = expected.copy()
    candidate[:3] = 0.45
    found = compare_scores(images(labels), expected, candidate, spec, GATES["int8"])
    (line,) = found.undecided
    assert line.endswith("about 200 images like these would tell")


def test_a_reference_without_a_probability_fails(spec: ModelSpec) -> None:
    """The findings are told and are JSON, whichever side gives no number."""
    labels = [0, 1] * 10
    expected = np.where(labels, 0.9, 0.1)
    for broken in (np.where(np.arange(20) == 3, np.nan, expected), np.full(20, np.inf)):
        found = compare_scores(images(labels), broken, expected, spec, GATES["int8"])
        assert found.verdict is Verdict.FAILED
        assert found.mismatches[0].startswith("no probability on ")
        json.dumps(found.to_dict(), allow_nan=False)
