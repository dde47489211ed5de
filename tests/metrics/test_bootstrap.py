"""Bootstrap intervals of the calibration error."""

import numpy as np
import pytest

from cxr_edge.metrics.bootstrap import calibration_interval
from cxr_edge.metrics.calibration import calibration_error

LABELS = [0, 1, 1, 0, 1, 0, 1, 1]
SCORES = [0.1, 0.2, 0.9, 0.4, 0.6, 0.35, 1.0, 0.0]


def test_one_patient_has_no_spread() -> None:
    """Every draw is the images themselves, so each gives the calibration error of them."""
    found = calibration_interval(LABELS, SCORES, ["a"] * 8)
    assert found.value == calibration_error(LABELS, SCORES)
    assert (found.low, found.high) == pytest.approx((found.value, found.value))


def test_patients_are_drawn_and_not_images() -> None:
    """Images of few patients give a wider interval than as many images of patients of their own."""
    rng = np.random.default_rng(0)
    scores = np.repeat(rng.random(20), 10)
    labels = np.repeat(rng.random(20) < 0.5, 10)
    few = calibration_interval(labels, scores, [str(n // 10) for n in range(200)])
    many = calibration_interval(labels, scores, [str(n) for n in range(200)])
    assert few.value == many.value
    assert few.high - few.low > 1.5 * (many.high - many.low)
