"""The Keras networks, each a function of an :class:`InputSpec`, in one registry."""

from collections.abc import Callable, Mapping
from typing import Final

import keras
from keras import layers

from cxr_edge.spec import InputSpec

_STAGES: Final = (32, 64, 128)
_STEM, _TOP = 16, 192


def edge(spec: InputSpec) -> keras.Model:
    """Build the small network for edge devices: 0.71 million parameters at one channel.

    Five stages of 3 x 3 convolutions that halve the resolution, the middle three with a
    residual pair; batch norm and ReLU6 after each convolution; global average pooling; one
    dense output. No depthwise convolution and no squeeze-excite, so that it quantizes to int8
    per channel without tricks, and the last feature map times the dense weights is its
    class-activation map.

    Returns
    -------
    keras.Model
        uint8 (N, H, W, C) to float32 (N, 1), P(positive class); scaled to [-1, 1] inside.
    """
    image = keras.Input(spec.shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(image)
    x = _convolution(x, _STEM, 2, "stem")
    for number, filters in enumerate(_STAGES, start=2):
        x = _convolution(x, filters, 2, f"stage{number}_down")
        x = _residual(x, filters, f"stage{number}_pair")
    x = _convolution(x, _TOP, 2, "stage5_down")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    probability = layers.Dense(1, activation="sigmoid", name="probability")(x)
    return keras.Model(image, probability, name="edge")


def _convolution(
    x: keras.KerasTensor, filters: int, strides: int, name: str, *, activate: bool = True
) -> keras.KerasTensor:
    x = layers.Conv2D(
        filters, 3, strides, padding="same", use_bias=False, kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)  # fmt: skip
    x = layers.BatchNormalization(momentum=0.98, name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activate else x


def _residual(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    y = _convolution(x, filters, 1, f"{name}_a")
    y = _convolution(y, filters, 1, f"{name}_b", activate=False)
    y = layers.Add(name=f"{name}_add")([x, y])
    return layers.ReLU(6.0, name=f"{name}_relu")(y)


ARCHITECTURES: Final[Mapping[str, Callable[[InputSpec], keras.Model]]] = {"edge": edge}
"""Name to builder."""
