"""Calibration inside the graph."""

import keras
import numpy as np
import pytest

from cxr_edge.evaluation.platt import Platt
from cxr_edge.metrics.calibration import logit
from cxr_edge.training.calibrate import calibrate


@pytest.mark.slow
def test_the_last_layer_takes_it_in() -> None:
    """The graph gives the calibrated probability by itself."""
    image = keras.Input((3,))
    model = keras.Model(image, keras.layers.Dense(1, activation="sigmoid")(image))
    x = np.random.default_rng(0).normal(size=(50, 3))
    before = np.asarray(model.predict_on_batch(x))
    calibrate(model, Platt(1.7, -0.3))
    expected = 1 / (1 + np.exp(-(1.7 * logit(before) - 0.3)))
    np.testing.assert_allclose(model.predict_on_batch(x), expected, atol=1e-6)
