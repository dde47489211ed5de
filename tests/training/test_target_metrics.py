"""Figures of an epoch for targets between 0 and 1."""

import keras
import numpy as np
import pytest

from cxr_edge.training.target_metrics import TargetAuc, target_accuracy

PROBABILITIES = np.array([[0.1], [0.6], [0.4], [0.9]], np.float32)
LABELS = np.array([[0], [0], [1], [1]], np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_soft_targets_count_as_their_labels(smoothing: float) -> None:
    """Accuracy and AUC are those of Keras for the labels that the targets were made of."""
    targets = LABELS * (1 - smoothing) + smoothing / 2
    accuracy = keras.metrics.MeanMetricWrapper(target_accuracy)
    pairs = (accuracy, keras.metrics.BinaryAccuracy()), (TargetAuc(), keras.metrics.AUC())
    for ours, theirs in pairs:
        ours.update_state(targets, PROBABILITIES)
        theirs.update_state(LABELS, PROBABILITIES)
        assert float(ours.result()) == pytest.approx(float(theirs.result()))
