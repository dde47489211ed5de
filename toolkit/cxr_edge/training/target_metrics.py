"""Figures of an epoch for targets between 0 and 1: those above one half count as positive."""

import keras


def target_accuracy(
    targets: keras.KerasTensor, probabilities: keras.KerasTensor
) -> keras.KerasTensor:
    """Return whether target and probability are on the same side of one half, shape (N,)."""
    same = keras.ops.equal(targets > 0.5, probabilities > 0.5)
    return keras.ops.mean(keras.ops.cast(same, "float32"), axis=-1)


class TargetAuc(keras.metrics.AUC):
    """Keras' area under the ROC curve, which takes labels of 0 and 1 alone."""

    def update_state(
        self,
        y_true: keras.KerasTensor,
        y_pred: keras.KerasTensor,
        sample_weight: keras.KerasTensor | None = None,
    ) -> None:
        """Add a batch of targets and probabilities, shape (N, 1)."""
        positive = keras.ops.cast(keras.ops.convert_to_tensor(y_true) > 0.5, "float32")
        super().update_state(positive, y_pred, sample_weight)
