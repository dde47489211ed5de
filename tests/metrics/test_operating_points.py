"""Operating points that are chosen on validation images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_edge.metrics.operating_points import (
    at_threshold,
    choose_operating_points,
    predictive_values,
)
from cxr_edge.spec.operating_point import SCREENING_SENSITIVITY

# Coarse scores, so that ties are common.
scores = st.lists(st.integers(0, 10).map(lambda n: n / 10), min_size=1, max_size=30)


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


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 10), st.integers(1, 3)), min_size=2).filter(
        lambda images: len({label for label, *_ in images}) == 2
    )
)
def test_an_image_of_weight_three_counts_as_three(images: list[tuple[bool, int, int]]) -> None:
    """Whatever the weights, the thresholds are those of images that are repeated as often."""
    labels, scores, weights = (np.array(values) for values in zip(*images, strict=True))
    scores = scores / 10
    weighted = choose_operating_points(labels, scores, [scores / 2], weights)
    often = [np.repeat(values, weights) for values in (labels, scores, scores / 2)]
    repeated = choose_operating_points(often[0], often[1], [often[2]])
    for one, other in zip(weighted, repeated, strict=True):
        assert one.threshold == other.threshold
        assert one.sensitivity is not None
        assert other.sensitivity is not None
        assert one.sensitivity.value == pytest.approx(other.sensitivity.value)
        assert one.sensitivity.low <= other.sensitivity.low + 1e-9  # unequal weights tell less


def test_weights_move_the_threshold_towards_what_is_expected() -> None:
    """Where difficult negatives are expected often, the balanced threshold rises over them."""
    labels = np.array([0] * 90 + [0] * 10 + [1] * 100)
    scores = np.array([0.1] * 90 + [0.6] * 10 + [0.5] * 15 + [0.9] * 85)
    weights = np.array([0.5] * 90 + [5.5] * 10 + [1.0] * 100)
    _, rarely, _ = choose_operating_points(labels, scores)
    _, often, _ = choose_operating_points(labels, scores, weights=weights)
    assert rarely.threshold < 0.5
    assert often.threshold > 0.6


def test_predictive_values_follow_from_the_prevalence() -> None:
    """By Bayes' theorem; no value where no image gets the label."""
    ppv, npv = predictive_values(0.9, 0.8, 0.1)
    assert ppv == pytest.approx(0.09 / (0.09 + 0.18))
    assert npv == pytest.approx(0.72 / (0.72 + 0.01))
    assert predictive_values(0.0, 1.0, 0.5) == (None, 0.5)
    assert predictive_values(1.0, 0.0, 0.5) == (0.5, None)


def test_screening_keeps_the_sensitivity_that_it_is_told_to() -> None:
    """A higher sensitivity to keep lowers the threshold, and is kept."""
    rng = np.random.default_rng(7)
    labels = np.repeat([0, 1], 500)
    scores = np.clip(rng.normal(0.4 + 0.2 * labels, 0.12), 0, 1)
    thresholds = []
    for keep in (0.9, 0.95, 0.99):
        screening, *_ = choose_operating_points(labels, scores, keep=keep)
        assert screening.sensitivity.value >= keep
        thresholds.append(screening.threshold)
    assert thresholds == sorted(thresholds, reverse=True)
    assert len(set(thresholds)) == 3
