"""Wilson's interval of a proportion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from cxr_edge.metrics.proportions import wilson


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
