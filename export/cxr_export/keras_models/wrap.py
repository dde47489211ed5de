"""A Keras model's output as one probability per image."""

import dataclasses

import keras
import numpy as np

from cxr_edge.errors import ModelInvalid
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.keras_models.runtime import KerasRuntime


def single_probability(original: KerasRuntime) -> tuple[keras.Model, ModelSpec]:
    """Return a model as it is exported: uint8 pixels (N, H, W, C) in, probability (N, 1) out.

    Scaling to floats, the order of the axes and the choice of the positive class among two go
    into the graph. A model that needs none of this is returned as it is.

    Parameters
    ----------
    original
        The model as its author saved it.

    Returns
    -------
    tuple
        The model, and its spec: scale 1, offset 0.

    Raises
    ------
    ModelInvalid
        It takes one image at a time only, so its artefacts could not take more; or its answers on
        a black, a white and a noisy image are not probabilities.
    """
    model, spec, adapter = original.model, original.spec, original.adapter
    image, output = model.inputs[0], model.outputs[0]
    if adapter.image_by_image:
        raise ModelInvalid(
            f"{original.source}: expected any number of images in, got shape {tuple(image.shape)}; "
            "save the model with a batch of None"
        )
    _check_probabilities(original)
    as_exported = str(image.dtype) == "uint8" and not adapter.channels_first
    if as_exported and tuple(output.shape[1:]) == (1,):
        return model, spec
    taken = keras.Input(spec.input.shape, dtype="uint8", name="image")
    passed = taken
    if not spec.input.raw:
        passed = keras.layers.Rescaling(spec.input.scale, spec.input.offset)(passed)
    if str(passed.dtype) != str(image.dtype):
        passed = keras.ops.cast(passed, image.dtype)
    if adapter.channels_first:
        passed = keras.layers.Permute((3, 1, 2))(passed)
    given = model(passed)
    if len(output.shape) == 1:
        given = keras.layers.Reshape((1,))(given)
    elif output.shape[1] == 2:
        given = given[:, 1:2]
    scaled = dataclasses.replace(spec.input, scale=1.0, offset=0.0)
    return keras.Model(taken, given, name=model.name), dataclasses.replace(spec, input=scaled)


def _check_probabilities(original: KerasRuntime) -> None:
    """Refuse a network that ends before its sigmoid or softmax."""
    shape = original.spec.input.shape
    images = np.zeros((3, *shape), np.uint8)
    images[1] = 255
    images[2] = np.random.default_rng(0).integers(0, 256, shape)
    scores = original.run(images).scores
    if wrong := [score for score in scores.tolist() if not 0 <= score <= 1]:
        raise ModelInvalid(
            f"{original.source}: expected probabilities from 0 to 1, got {wrong[0]:.4g}; end "
            "the network in a sigmoid"
        )
