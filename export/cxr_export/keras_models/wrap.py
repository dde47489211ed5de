"""A Keras model's output as one probability per image."""

import dataclasses

import keras

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.consistency import try_answers
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.output_spec import PLAIN, OutputSpec, OutputValues
from cxr_export.keras_models.runtime import KerasRuntime


def single_probability(original: KerasRuntime) -> tuple[keras.Model, ModelSpec]:
    """Return a model as it is exported: uint8 pixels (N, H, W, C) in, probability (N, 1) out.

    Scaling to floats, the order of the axes, the sigmoid or softmax of logits and the choice of
    the positive class go into the graph. A model that needs none of this is returned as it is.

    Parameters
    ----------
    original
        The model as its author saved it.

    Returns
    -------
    tuple
        The model, and its spec: scale 1, offset 0, one probability.

    Raises
    ------
    ModelInvalid
        It takes one image at a time only, so its artefacts could not take more; or its answers to
        drawn images show that it is of no use.
    """
    model, spec, adapter = original.model, original.spec, original.adapter
    image, output = model.inputs[0], model.outputs[0]
    if adapter.image_by_image:
        raise ModelInvalid(
            f"{original.source}: expected any number of images in, got shape {tuple(image.shape)}; "
            "save the model with a batch of None"
        )
    try_answers(original).require_usable(original.source)
    as_exported = str(image.dtype) == "uint8" and not adapter.channels_first
    if as_exported and tuple(output.shape[1:]) == (1,) and spec.output.plain:
        return model, spec
    taken = keras.Input(spec.input.shape, dtype="uint8", name="image")
    passed = taken
    if not spec.input.raw:
        passed = _rescaling(spec.input)(passed)
    if str(passed.dtype) != str(image.dtype):
        passed = keras.ops.cast(passed, image.dtype)
    if adapter.channels_first:
        passed = keras.layers.Permute((3, 1, 2))(passed)
    # Under a name of its own, and with one tensor as output where an old file has a list of one.
    network = keras.Model(image, output, name="network")
    given = _as_probability(network(passed), spec.output)
    plain = dataclasses.replace(spec.input, scale=1.0, offset=0.0)
    exported = dataclasses.replace(spec, input=plain, output=PLAIN)
    return keras.Model(taken, given, name=model.name), exported


def _rescaling(spec: InputSpec) -> keras.layers.Rescaling:
    """Return the layer that scales pixels, with a number for all channels or one for each."""
    scale, offset = (
        list(numbers) if isinstance(numbers, tuple) else numbers
        for numbers in (spec.scale, spec.offset)
    )
    return keras.layers.Rescaling(scale, offset)


def _as_probability(given: keras.KerasTensor, output: OutputSpec) -> keras.KerasTensor:
    """Return one column, the probability of the positive class."""
    if len(given.shape) == 1:
        given = keras.layers.Reshape((1,))(given)
    if output.values is OutputValues.LOGIT:
        kind = "sigmoid" if given.shape[1] == 1 else "softmax"
        given = keras.layers.Activation(kind, dtype="float32")(given)
    if given.shape[1] == 1:
        return given
    columns = [given[:, at : at + 1] for at in output.positive_columns]
    if len(columns) == 1:
        return columns[0]
    return keras.layers.ReLU(max_value=1.0)(keras.layers.Add()(columns))  # the sum is rounded
