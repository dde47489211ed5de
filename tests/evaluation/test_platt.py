"""Platt's calibration."""

import numpy as np
import pytest

from cxr_edge.evaluation.platt import Platt, fit_platt
from cxr_edge.metrics.calibration import calibration_error


def test_too_sure_a_network_is_calmed() -> None:
    """Logits that are twice too large and shifted come back to what made the labels."""
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 2, 20_000)
    labels = rng.random(20_000) < 1 / (1 + np.exp(-truth))
    logits = 2 * truth + 1
    claimed = 1 / (1 + np.exp(-logits))
    platt = fit_platt(labels, logits)
    assert platt.slope == pytest.approx(0.5, abs=0.03)
    assert platt.shift == pytest.approx(-0.5, abs=0.06)
    calibrated = platt.probabilities(logits)
    np.testing.assert_allclose(
        calibrated, 1 / (1 + np.exp(-(platt.slope * logits + platt.shift))), atol=1e-6
    )
    assert calibration_error(labels, calibrated) < 0.02 < calibration_error(labels, claimed)


def test_a_network_is_never_turned_round() -> None:
    """Where high probabilities go with the negative class, nothing is changed."""
    assert fit_platt([1, 1, 0, 0], [-2, -1, 1, 2]) == Platt(1.0, 0.0)


def test_perfectly_parted_images_give_a_finite_slope() -> None:
    """Platt's targets are no certainties."""
    platt = fit_platt([1] * 20 + [0] * 10, [2.0] * 20 + [-2.0] * 10)
    calibrated = platt.probabilities([2.0, -2.0])
    assert calibrated == pytest.approx([21 / 22, 1 / 12], abs=1e-3)


def test_images_count_as_much_as_they_weigh() -> None:
    """An image of weight three calibrates like three images; one of weight zero like none."""
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, 400)
    labels = (rng.random(400) < 1 / (1 + np.exp(-logits))).astype(int)
    weights = rng.integers(0, 4, 400)
    weights[labels == 1] = 1  # Platt's targets are of the counts of images
    kept = [np.repeat(values, weights) for values in (labels, logits)]
    weighted, repeated = fit_platt(labels, logits, weights), fit_platt(*kept)
    assert weighted.slope == pytest.approx(repeated.slope, abs=0.02)
    assert weighted.shift == pytest.approx(repeated.shift, abs=0.02)
    assert weighted.shift != pytest.approx(fit_platt(labels, logits).shift, abs=0.05)
