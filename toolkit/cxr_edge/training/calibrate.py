"""Platt's calibration, folded into a network's last layer."""

import keras

from cxr_edge.evaluation.platt import Platt


def calibrate(model: keras.Model, platt: Platt) -> None:
    """Change the weights of the last layer, a dense one with a sigmoid, so that it calibrates."""
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * platt.slope, bias * platt.slope + platt.shift])
