"""Intervals of a proportion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from cxr_edge.metrics.proportions import clopper_pearson, sample_to_tell, wilson


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
    ("count", "total", "limit", "expected"),
    [
        (1, 16, 0.005, 32),
        (1, 145, 0.005, None),
        (2, 64, 0.01, None),
        (3, 4, 0.7, None),
        (4, 764, 0.003, None),
        (0, 1, 0.005, 736),
        (0, 5, 0.05, None),
        (1, 200, 0.02, None),
    ],
)
def test_the_sample_to_tell_is_the_least_that_does(
    count: int, total: int, limit: float, expected: int | None
) -> None:
    """None of the smaller samples of at most (or, within the limit, at least) that share has an
    interval on one side of the limit; the nearest 500 are tried."""
    needed = sample_to_tell(count, total, limit)
    above = count / total > limit

    def tells(trials: int) -> bool:
        cases = count * trials // total if above else -(-count * trials // total)
        interval = clopper_pearson(cases, trials)
        return interval.low > limit if above else interval.high < limit

    assert tells(needed)
    assert not any(tells(trials) for trials in range(max(total, needed - 500), needed))
    assert expected in (None, needed)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_no_sample_to_tell_is_smaller_than_that_there_is(counts: tuple[int, int]) -> None:
    """A sample is as large as that which was seen, if that tells the share; else it is larger."""
    needed, interval = sample_to_tell(*counts, 0.05), clopper_pearson(*counts)
    assert needed >= counts[1]
    assert (needed == counts[1]) is (interval.low > 0.05 or interval.high < 0.05)


def test_what_no_sample_tells_needs_infinitely_many() -> None:
    """A share that is the limit, or within a hair of it; a limit of zero needs no more."""
    assert sample_to_tell(1, 4, 0.25) == float("inf")
    assert sample_to_tell(50001, 10**7, 0.005) == float("inf")
    assert sample_to_tell(1, 4, 0.0) == 4
