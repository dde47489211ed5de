"""Calibration inside the graph."""

import keras
import numpy as np
import pytest

from cxr_edge.metrics.calibration import calibration_error, logit
from cxr_edge.training.calibrate import Platt, fit_platt, fold


def test_too_sure_a_network_is_calmed() -> None:
    """Logits that are twice too large and shifted come back to what made the labels."""
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 2, 20_000)
    labels = rng.random(20_000) < 1 / (1 + np.exp(-truth))
    claimed = 1 / (1 + np.exp(-(2 * truth + 1)))
    platt = fit_platt(labels, claimed)
    assert platt.slope == pytest.approx(0.5, abs=0.03)
    assert platt.shift == pytest.approx(-0.5, abs=0.06)
    calibrated = 1 / (1 + np.exp(-(platt.slope * logit(claimed) + platt.shift)))
    assert calibration_error(labels, calibrated) < 0.02 < calibration_error(labels, claimed)


def test_a_network_is_never_turned_round() -> None:
    """Where high probabilities go with the negative class, nothing is changed."""
    assert fit_platt([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9]) == Platt(1.0, 0.0)


def test_perfectly_parted_images_give_a_finite_slope() -> None:
    """Platt's targets are no certainties."""
    platt = fit_platt([1] * 20 + [0] * 10, [0.9] * 20 + [0.1] * 10)
    calibrated = 1 / (1 + np.exp(-(platt.slope * logit([0.9, 0.1]) + platt.shift)))
    assert calibrated == pytest.approx([21 / 22, 1 / 12], abs=1e-3)


@pytest.mark.slow
def test_the_last_layer_takes_it_in() -> None:
    """The graph gives the calibrated probability by itself."""
    image = keras.Input((3,))
    model = keras.Model(image, keras.layers.Dense(1, activation="sigmoid")(image))
    x = np.random.default_rng(0).normal(size=(50, 3))
    before = np.asarray(model.predict_on_batch(x))
    fold(model, Platt(1.7, -0.3))
    expected = 1 / (1 + np.exp(-(1.7 * logit(before) - 0.3)))
    np.testing.assert_allclose(model.predict_on_batch(x), expected, atol=1e-6)
