"""Weights for another share of counter-style images."""

import numpy as np
import pytest

from cxr_edge.metrics.prior import prior_weights


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_counter_style_images_get_their_share_of_each_class(share: float) -> None:
    """The weights of a class add up to its count, and its counter-style images have the share."""
    labels = np.array([0] * 8 + [1] * 5)
    counter = np.array([True, True] + [False] * 6 + [True] + [False] * 4)
    weights, unweighted = prior_weights(labels, counter, share)
    assert unweighted == ()
    for label in (0, 1):
        of_class = labels == label
        assert weights[of_class].sum() == pytest.approx(of_class.sum())
        assert weights[of_class & counter].sum() == pytest.approx(share * of_class.sum())


def test_the_share_in_the_data_changes_nothing() -> None:
    """It gives every image the weight one."""
    labels, counter = np.array([0, 0, 0, 0, 1, 1, 1, 1]), np.array([1, 0, 0, 0] * 2, bool)
    np.testing.assert_allclose(prior_weights(labels, counter, 0.25)[0], 1)


def test_a_class_of_one_kind_keeps_equal_weights() -> None:
    """It is named, so that a report can say so."""
    labels, counter = np.array([0, 0, 1, 1]), np.array([False, False, True, False])
    weights, unweighted = prior_weights(labels, counter, 0.9)
    assert unweighted == (0,)
    np.testing.assert_allclose(weights, [1, 1, 1.8, 0.2])
