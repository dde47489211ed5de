"""Registry of the Keras networks, each a function of an :class:`InputSpec`."""

from collections.abc import Callable, Mapping
from typing import Final

import keras
from keras import layers

from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training.backbones import efficientnet_lite0, mobilenet_v3_small
from cxr_edge.training.config import Architecture

_STAGES: Final = (32, 64, 128)
_STEM, _TOP = 16, 192
_TWIN_TOP: Final = 144
_PLAIN_STEM: Final = 24


def edge(spec: InputSpec, *, local_contrast: bool = False) -> keras.Model:
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
    x = _scaled(image, spec, local_contrast=local_contrast)
    x = _convolution(x, _STEM, 2, "stem")
    for number, filters in enumerate(_STAGES, start=2):
        x = _convolution(x, filters, 2, f"stage{number}_down")
        x = _residual(x, filters, f"stage{number}_pair")
    x = _convolution(x, _TOP, 2, "stage5_down")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    probability = layers.Dense(1, activation="sigmoid", name="probability")(x)
    return keras.Model(image, probability, name="edge")


def plain(spec: InputSpec, *, local_contrast: bool = False) -> keras.Model:
    """Build a stack of convolutions and pooling: 0.85 million parameters at one channel.

    Five stages of 3 x 3 convolutions, one in the first and two in each other, with max pooling in
    between; batch norm and ReLU6 after each convolution; global average pooling; one dense output.

    Returns
    -------
    keras.Model
        uint8 (N, H, W, C) to float32 (N, 1), P(positive class); scaled to [-1, 1] inside.
    """
    image = keras.Input(spec.shape, dtype="uint8", name="image")
    x = _tower(_scaled(image, spec, local_contrast=local_contrast), _TOP)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    probability = layers.Dense(1, activation="sigmoid", name="probability")(x)
    return keras.Model(image, probability, name="plain")


def twin(spec: InputSpec) -> keras.Model:
    """Build two towers of ``plain`` that are added up: 1.30 million parameters at one channel.

    One sees the image, the other its local contrast; they end in fewer filters than ``plain``. In
    training each is left out for three images of ten, so that each learns to do without the other.

    Returns
    -------
    keras.Model
        uint8 (N, H, W, C) to float32 (N, 1), P(positive class); scaled inside.
    """
    image = keras.Input(spec.shape, dtype="uint8", name="image")
    towers = []
    for name, local_contrast in (("gray_", False), ("contrast_", True)):
        x = _tower(_scaled(image, spec, name, local_contrast=local_contrast), _TWIN_TOP, name)
        towers.append(layers.Dropout(0.3, (None, 1, 1, 1), name=f"{name}out")(x))
    x = layers.Concatenate(name="both")(towers)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    probability = layers.Dense(1, activation="sigmoid", name="probability")(x)
    return keras.Model(image, probability, name="twin")


def _tower(x: keras.KerasTensor, top: int, name: str = "") -> keras.KerasTensor:
    """Convolve and pool in five stages."""
    x = _convolution(x, _PLAIN_STEM, 2, f"{name}stage1_a")
    for number, filters in enumerate((*_STAGES, top), start=2):
        x = layers.MaxPooling2D(name=f"{name}stage{number - 1}_pool")(x)
        x = _convolution(x, filters, 1, f"{name}stage{number}_a")
        x = _convolution(x, filters, 1, f"{name}stage{number}_b")
    return x


def _scaled(
    image: keras.KerasTensor, spec: InputSpec, name: str = "", *, local_contrast: bool
) -> keras.KerasTensor:
    """Scale to [-1, 1], or to the difference from the local mean over the local deviation."""
    if not local_contrast:
        return layers.Rescaling(1 / 127.5, offset=-1.0, name=f"{name}scale")(image)
    x = layers.Rescaling(1 / 255, name=f"{name}scale")(image)
    mean = _wide(_local_mean(_quarter(x, "quarter"), "mean"), spec, "wide_mean")
    difference = layers.Subtract(name="difference")([x, mean])
    squares = layers.Multiply(name="squares")([difference, difference])
    variance = _local_mean(_quarter(squares, "quarter_squares"), "variance")
    deviation = keras.ops.sqrt(variance + _FLOOR**2)
    ratio = difference / (_wide(deviation, spec, "wide_deviation") + _SOFT)
    return keras.ops.clip(ratio, -_LIMIT, _LIMIT) / 2


_FLOOR, _SOFT, _LIMIT = 1e-3, 0.03, 4.0
"""Least deviation, what is added to it (shares of the gray scale), and largest ratio."""

_WINDOW: Final = 9
"""Side of the neighbourhood, in pixels of a quarter of the resolution: the same to the eye, and an
eighth of the time."""


def _quarter(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.AveragePooling2D(4, padding="same", name=name)(x)


def _local_mean(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.AveragePooling2D(_WINDOW, strides=1, padding="same", name=name)(x)


def _wide(x: keras.KerasTensor, spec: InputSpec, name: str) -> keras.KerasTensor:
    return layers.Resizing(spec.height, spec.width, interpolation="bilinear", name=name)(x)


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


def dense(spec: InputSpec) -> keras.Model:
    """Build the study's model 1: one hidden layer of 128."""
    return _sequence("dense", spec, layers.Flatten(), layers.Dense(128, activation="relu"))


def dense_deep(spec: InputSpec) -> keras.Model:
    """Build the study's model 2: three hidden layers of 64."""
    hidden = [layers.Dense(64, activation="relu") for _ in range(3)]
    return _sequence("dense-deep", spec, layers.Flatten(), *hidden)


def cnn(spec: InputSpec) -> keras.Model:
    """Build the study's model 3: three convolutions without pooling."""
    convolutions = [layers.Conv2D(filters, 3, activation="relu") for filters in (128, 64, 32)]
    return _sequence("cnn", spec, *convolutions, layers.Flatten())


def cnn_pooled(spec: InputSpec) -> keras.Model:
    """Build the study's model 4: convolutions, pooling and dropout."""
    return _sequence(
        "cnn-pooled",
        spec,
        layers.Conv2D(32, 3, activation="relu"),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Dropout(0.25),
        layers.Conv2D(128, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Dropout(0.25),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dropout(0.5),
    )


def _sequence(name: str, spec: InputSpec, *hidden: layers.Layer) -> keras.Model:
    """Return a network of the 2021 study; it scales to [0, 1], as the study did."""
    image = keras.Input(spec.shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255, name="scale")(image)
    for layer in hidden:
        x = layer(x)
    probability = layers.Dense(1, activation="sigmoid", name="probability")(x)
    return keras.Model(image, probability, name=name)


ARCHITECTURES: Final[Mapping[Architecture, Callable[..., keras.Model]]] = {
    "dense": dense,
    "dense-deep": dense_deep,
    "cnn": cnn,
    "cnn-pooled": cnn_pooled,
    "edge": edge,
    "plain": plain,
    "twin": twin,
    "efficientnet-lite0": efficientnet_lite0,
    "mobilenet-v3-small": mobilenet_v3_small,
}
"""Name to builder. Each ends with a dense layer named ``probability``."""


def build_network(
    name: Architecture, spec: InputSpec, *, local_contrast: bool = False
) -> keras.Model:
    """Build an architecture by its name; errors are those of its builder.

    Parameters
    ----------
    name
        Key of :data:`ARCHITECTURES`.
    spec
        Pixels that the network takes.
    local_contrast
        Whether it normalizes the contrast of each neighbourhood first, as in K. Jarrett et al.,
        What is the best multi-stage architecture for object recognition?, ICCV 2009; for those in
        :data:`cxr_edge.training.config.NORMALIZING`.
    """
    build = ARCHITECTURES[name]
    return build(spec, local_contrast=True) if local_contrast else build(spec)
