"""A Keras model's output as one probability per image."""

import dataclasses

import keras
import numpy as np

from cxr_edge.errors import ModelInvalid
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.keras_models.runtime import KerasRuntime, keras_adapter


def single_probability(
    model: keras.Model, spec: ModelSpec, source: str = "the Keras model"
) -> tuple[keras.Model, ModelSpec]:
    """Return a model as it is exported: uint8 pixels (N, H, W, C) in, probability (N, 1) out.

    Scaling to floats, the order of the axes and the choice of the positive class among two go
    into the graph. A model that is so already is returned as it is.

    Parameters
    ----------
    model
        What :func:`load_original` returned.
    spec
        What it expects and means.
    source
        The file, for messages.

    Returns
    -------
    tuple
        The model, and the spec that fits it: scale 1, offset 0.

    Raises
    ------
    ModelInvalid
        It takes one image at a time only, so its artefacts could not take more; or it gives
        something else than probabilities, tried on a black, a white and a noisy image.
    """
    adapter = keras_adapter(model, spec, source)
    image, output = model.inputs[0], model.outputs[0]
    if adapter.image_by_image:
        raise ModelInvalid(
            f"{source}: expected any number of images in, got shape {tuple(image.shape)}; "
            "save the model with a batch of None"
        )
    _check_probabilities(model, spec, source)
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


def _check_probabilities(model: keras.Model, spec: ModelSpec, source: str) -> None:
    """Refuse a network that ends before its sigmoid or softmax."""
    images = np.zeros((3, *spec.input.shape), np.uint8)
    images[1] = 255
    images[2] = np.random.default_rng(0).integers(0, 256, spec.input.shape)
    scores = KerasRuntime(model, spec, source).run(images).scores
    if wrong := [score for score in scores.tolist() if not 0 <= score <= 1]:
        raise ModelInvalid(
            f"{source}: expected probabilities from 0 to 1, got {wrong[0]:.4g}; end the network "
            "in a sigmoid"
        )
