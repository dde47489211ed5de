"""What probabilities are worth, given the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_edge.metrics.calibration import calibration_error
from cxr_edge.metrics.operating_points import (
    SCREENING_SENSITIVITY,
    at_threshold,
    choose_operating_points,
)
from cxr_edge.metrics.proportions import wilson
from cxr_edge.metrics.roc import auc

# Coarse scores, so that ties are common.
scores = st.lists(st.integers(0, 10).map(lambda n: n / 10), min_size=1, max_size=30)


@given(scores, scores)
def test_auc_is_the_share_of_pairs_ranked_rightly(
    positive: list[float], negative: list[float]
) -> None:
    """It equals the definition, counted pair by pair, ties half."""
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    labels = [1] * len(positive) + [0] * len(negative)
    assert auc(labels, positive + negative).value == pytest.approx(np.mean(pairs))


def test_auc_interval_is_delongs() -> None:
    """On a small example the variance equals the structural components' by hand."""
    labels = [1, 1, 1, 0, 0, 0]
    probabilities = [0.9, 0.8, 0.3, 0.4, 0.2, 0.1]
    interval = auc(labels, probabilities)
    # V10 = (1, 1, 2/3), V01 = (2/3, 1, 1): both have variance 1/27.
    margin = 1.959964 * np.sqrt(1 / 27 / 3 * 2)
    assert interval.value == pytest.approx(8 / 9)
    assert interval.low == pytest.approx(8 / 9 - margin, abs=1e-6)
    assert interval.high == 1.0


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_equals_published_values(count: int, total: int, low: float, high: float) -> None:
    """The interval is the one in the literature."""
    interval = wilson(count, total)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
)
def test_screening_keeps_its_sensitivity(positive: list[float], negative: list[float]) -> None:
    """Whatever the scores, the chosen threshold keeps the sensitivity it promises."""
    labels = [1] * len(positive) + [0] * len(negative)
    screening, balanced, fixed = choose_operating_points(labels, positive + negative)
    assert screening.sensitivity is not None
    assert screening.sensitivity.value >= SCREENING_SENSITIVITY
    assert (screening.name, balanced.name, fixed.name) == ("screening", "balanced", "fixed-0.5")
    assert fixed.threshold == 0.5


def test_screening_withstands_every_copy() -> None:
    """A copy on which the pneumonias score lower pulls the threshold down."""
    labels = [1] * 100 + [0] * 100
    normal = [0.1] * 100
    clean = [0.9] * 100 + normal
    copy = [0.3] * 10 + [0.9] * 90 + normal
    alone, *_ = choose_operating_points(labels, clean)
    held, *_ = choose_operating_points(labels, clean, [clean, copy])
    assert alone.threshold == pytest.approx(0.5)
    assert held.threshold == pytest.approx(0.2)
    missed = at_threshold("x", alone.threshold, labels, copy).sensitivity
    kept = at_threshold("x", held.threshold, labels, copy).sensitivity
    assert missed is not None
    assert kept is not None
    assert missed.value == 0.9
    assert kept.value == 1


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
)
def test_screening_misses_no_more_than_balanced(
    positive: list[float], negative: list[float]
) -> None:
    """Whatever the scores, its threshold is not the higher one."""
    labels = [1] * len(positive) + [0] * len(negative)
    screening, balanced, _ = choose_operating_points(labels, positive + negative)
    assert screening.threshold <= balanced.threshold


def test_the_calibration_error_is_counted_by_bin() -> None:
    """Two bins by hand: |0.25 - 0.5| of two images, |0.95 - 1| of one."""
    error = calibration_error([0, 1, 1], [0.24, 0.26, 0.95])
    assert error == pytest.approx((2 * 0.25 + 0.05) / 3)


@given(st.integers(1, 500))
def test_intervals_stay_between_0_and_1(total: int) -> None:
    """All or none of any count of images."""
    assert wilson(total, total).high == 1
    assert wilson(0, total).low == 0


def test_balanced_parts_what_can_be_parted() -> None:
    """With perfectly separated classes it makes no error."""
    _, balanced, _ = choose_operating_points([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.8])
    assert balanced.sensitivity is not None
    assert balanced.specificity is not None
    assert balanced.sensitivity.value == balanced.specificity.value == 1
    assert balanced.threshold == pytest.approx(0.45)


def test_a_score_at_the_threshold_is_positive() -> None:
    """The figures count as the labels do: from the threshold on."""
    point = at_threshold("x", 0.5, [1, 0], [0.5, 0.5])
    assert point.sensitivity is not None
    assert point.specificity is not None
    assert (point.sensitivity.value, point.specificity.value) == (1, 0)


def test_one_class_alone_has_no_auc() -> None:
    """The error says what is missing."""
    with pytest.raises(ValueError, match="both classes"):
        auc([1, 1], [0.1, 0.2])
