"""Intervals of a proportion."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from cxr_edge.metrics.proportions import clopper_pearson, sample_to_exceed, sample_to_tell, wilson


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


@given(st.integers(1, 500))
def test_intervals_stay_between_0_and_1(total: int) -> None:
    """All or none of any count of images."""
    assert wilson(total, total).high == 1
    assert wilson(0, total).low == 0


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_equals_scipys(counts: tuple[int, int]) -> None:
    """A library that many use gives the same interval."""
    count, total = counts
    expected = binomtest(count, total).proportion_ci(method="wilson")
    interval = wilson(count, total)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_exact_interval_equals_scipys(counts: tuple[int, int]) -> None:
    """The same as of the library that inverts the beta distribution."""
    count, total = counts
    expected = binomtest(count, total).proportion_ci(method="exact")
    interval = clopper_pearson(count, total)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("counts", [(-1, 3), (4, 3), (0, 0)])
def test_what_is_no_share_is_refused(counts: tuple[int, int]) -> None:
    """By either interval."""
    for interval in (wilson, clopper_pearson):
        with pytest.raises(ValueError, match="expected 0 <= count"):
            interval(*counts)


@pytest.mark.parametrize(
    ("count", "total", "limit"), [(1, 145, 0.005), (0, 5, 0.005), (9, 10, 0.7)]
)
def test_so_many_trials_tell_a_share_from_a_limit(count: int, total: int, limit: float) -> None:
    """With fewer trials of the same share the interval holds the limit, with more it does not."""
    needed = sample_to_tell(count / total, limit)
    for times in range(1, 200):
        interval = wilson(times * count, times * total)
        assert (interval.low <= limit <= interval.high) is (times * total < needed)
    assert total < needed < 200 * total
    assert sample_to_tell(0.25, 0.25) == float("inf")


@given(st.integers(2, 400).flatmap(lambda n: st.tuples(st.integers(1, n - 1), st.just(n))))
def test_the_sample_to_exceed_is_by_the_exact_interval(counts: tuple[int, int]) -> None:
    """With so many trials, more than there were, the interval lies above the limit."""
    count, total = counts
    share = count / total
    limit = (clopper_pearson(count, total).low + share) / 2  # the interval holds it
    needed = sample_to_exceed(share, limit, total)
    assert needed > total
    assert clopper_pearson(round(share * int(needed)), int(needed)).low > limit


def test_a_share_that_is_nearly_the_limit_cannot_be_told() -> None:
    """A million trials are too few, and nobody waits for more."""
    assert sample_to_exceed(0.005001, 0.005, 1000) == math.inf
