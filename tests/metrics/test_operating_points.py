"""Operating points that are chosen on validation images."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_edge.metrics.operating_points import (
    SCREENING_SENSITIVITY,
    at_threshold,
    choose_operating_points,
)

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
