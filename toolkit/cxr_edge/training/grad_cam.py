"""Class-activation maps by gradient: where in an image a network finds its evidence."""

from dataclasses import dataclass
from typing import Final

import cv2
import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cxr_edge.errors import ModelInvalid

_SPATIAL: Final = 4
"""Dimensions of (N, rows, columns, channels)."""


@dataclass(frozen=True)
class Explanation:
    """Explanation of one image: logit, probability and heat map."""

    logit: float
    """Logit of the positive class; the probability is its sigmoid."""
    probability: float
    """P(positive class)."""
    heat: NDArray[np.float32]
    """Evidence for the positive class, at least 0, shape (H, W) of the model's input, in units of
    the logit at the resolution of the layer that it was read from."""
    evidence: float
    """Sum of the heat over the positions of that layer, in units of the logit."""


class Explainer:
    """Explains images to a network whose last layer is a dense one with a sigmoid.

    Grad-CAM (Selvaraju et al., ICCV 2017) on the last layer that still has rows and columns, with
    gradient and activation multiplied at each position before channels are summed (HiResCAM,
    Draelos and Carin 2020). Where global average pooling follows, as in ``edge`` and the backbones,
    both are the same map; where a flattening follows, as in the study's networks, only the latter
    shows what the dense layers used at each position. A network without convolutions is explained
    on its input.
    """

    def __init__(self, model: keras.Model) -> None:
        """Take a network apart.

        Raises
        ------
        ModelInvalid
            It does not end with a dense layer with a sigmoid, or not all of its paths go through
            its last layer with rows and columns.
        """
        self._last = model.layers[-1]
        ends_well = isinstance(self._last, keras.layers.Dense) and self._last.units == 1
        if not ends_well or self._last.activation is not keras.activations.sigmoid:
            raise ModelInvalid(
                "expected a network that ends with a dense layer of one unit with a sigmoid, "
                f"got {type(self._last).__name__}; only such networks can be explained"
            )
        spatial = [layer for layer in model.layers if len(layer.output.shape) == _SPATIAL]
        try:
            self._trunk = keras.Model(model.inputs[0], spatial[-1].output)
            self._tail = keras.Model(spatial[-1].output, self._last.input)
        except ValueError as exc:
            raise ModelInvalid(
                f"expected all paths of the network through {spatial[-1].name}, its last layer "
                "with rows and columns; such a network cannot be explained"
            ) from exc

    def explain(self, pixels: NDArray[np.uint8]) -> Explanation:
        """Explain one image, uint8 of shape (H, W, C)."""
        maps = tf.cast(self._trunk(pixels[np.newaxis], training=False), tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(maps)
            logit = tf.matmul(self._tail(maps, training=False), self._last.kernel) + self._last.bias
        products = tape.gradient(logit, maps) * maps
        evidence = tf.nn.relu(tf.reduce_sum(products, axis=-1))[0].numpy()
        rows, columns = pixels.shape[:2]
        heat = cv2.resize(evidence, (columns, rows), interpolation=cv2.INTER_LINEAR)
        value = float(logit[0, 0])
        return Explanation(
            logit=value,
            probability=float(tf.sigmoid(value)),
            heat=np.asarray(heat, np.float32),
            evidence=float(evidence.sum()),
        )
