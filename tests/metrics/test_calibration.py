"""Calibration of probabilities."""

import numpy as np
import pytest

from cxr_edge.metrics.calibration import (
    calibration_error,
    logit,
    reliability,
    reliability_by_count,
)


def test_the_calibration_error_is_counted_by_bin() -> None:
    """Two bins by hand: |0.25 - 0.5| of two images, |0.95 - 1| of one."""
    error = calibration_error([0, 1, 1], [0.24, 0.26, 0.95])
    assert error == pytest.approx((2 * 0.25 + 0.05) / 3)


def test_bins_that_are_empty_are_left_out() -> None:
    """Counts, mean probabilities and shares are of the bins with images; 1 is in the last."""
    counts, means, shares = reliability([0, 1, 1], [0.24, 0.26, 1.0])
    assert counts.tolist() == [2, 1]
    assert means.tolist() == pytest.approx([0.25, 1.0])
    assert shares.tolist() == [0.5, 1.0]


def test_bins_of_equal_count_hold_as_many_images_each() -> None:
    """Ten bins of ten, in the order of the scores; equal scores are never parted."""
    scores = np.linspace(0, 1, 100) ** 4
    counts, means, positives = reliability_by_count(scores > 0.5, scores)
    assert counts.tolist() == [10] * 10
    assert means.tolist() == pytest.approx(scores.reshape(10, 10).mean(axis=1))
    assert positives.sum() == (scores > 0.5).sum()
    counts, means, positives = reliability_by_count([0, 1] * 50, [0.2] * 70 + [0.9] * 30)
    assert (counts.tolist(), positives.tolist()) == ([70, 30], [35, 15])
    assert means.tolist() == pytest.approx([0.2, 0.9])
    assert reliability_by_count([1], [0.5])[0].tolist() == [1]


def test_the_logit_of_certainty_is_finite() -> None:
    """0 and 1 are kept a float32's smallest step inside; what is between is exact."""
    low, middle, high = logit([0.0, 0.5, 1.0])
    assert middle == 0
    assert low == pytest.approx(-high)
    assert 15 < high < 17
