"""Area under the ROC curve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

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


def test_one_class_alone_has_no_auc() -> None:
    """The error says what is missing."""
    with pytest.raises(ValueError, match="both classes"):
        auc([1, 1], [0.1, 0.2])


@pytest.mark.slow
@given(scores, scores)
def test_auc_equals_scikit_learns(positive: list[float], negative: list[float]) -> None:
    """A library that many use gives the same area."""
    labels = [1] * len(positive) + [0] * len(negative)
    expected = roc_auc_score(labels, positive + negative)
    assert auc(labels, positive + negative).value == pytest.approx(expected, abs=1e-12)
