"""Features of images from a network that has seen photographs only."""

from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training.backbones import POOL, efficientnet_lite0

FEATURE_INPUT: Final = InputSpec(224, 224, 1)
"""Pixels that :func:`imagenet_features` takes."""

_BATCH: Final = 64


def imagenet_features(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the pooled features of EfficientNet-Lite0 with ImageNet weights.

    Parameters
    ----------
    pixels
        uint8 of shape (N, 224, 224, 1).

    Returns
    -------
    NDArray
        float32 of shape (N, 1280).

    Raises
    ------
    MissingExtra
        The weights are not installed.
    """
    network = efficientnet_lite0(FEATURE_INPUT)
    features = keras.Model(network.inputs, network.get_layer(POOL).output)
    return np.asarray(features.predict(pixels, batch_size=_BATCH, verbose=0), np.float32)
