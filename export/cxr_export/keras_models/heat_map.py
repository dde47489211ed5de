"""The heat map of a Keras network, as a second output beside its probability."""

from typing import Final

import keras

from cxr_edge.runtimes.base import MAP

ENDING: Final = "global average pooling and then one dense unit with a sigmoid"
"""Ending of the networks that have a heat map."""


def with_map(model: keras.Model) -> keras.Model | None:
    """Return a network that gives its heat map too; None where its ending does not have one.

    The ending is global average pooling, dropout or none, and a dense layer of one unit with a
    sigmoid. The map is this dense layer as a 1 x 1 convolution of what is pooled (B. Zhou et al.,
    Learning deep features for discriminative localization, CVPR 2016), its bias included: a value
    is the logit that the network would give if all of the image looked like this place, and the
    mean of the map is the logit of the image.

    Parameters
    ----------
    model
        A network with one input and one output, or one that hands its input, scaled, to such a
        network.

    Returns
    -------
    keras.Model or None
        The same layers with two outputs: the probability, (N, 1), and the map, float32 (N, h, w).
    """
    probability = model.outputs[0]
    dense, pooled = _operation(probability)
    if isinstance(dense, keras.Model):  # wrapped, so that it takes pixels
        inside = with_map(dense)
        return inside and keras.Model(model.inputs[0], inside(pooled), name=model.name)
    if not (isinstance(dense, keras.layers.Dense) and dense.units == 1):
        return None
    pooling, features = _operation(pooled)
    while isinstance(pooling, keras.layers.Dropout):
        pooling, features = _operation(features)
    if (
        dense.activation is not keras.activations.sigmoid
        or not isinstance(pooling, keras.layers.GlobalAveragePooling2D)
        or pooling.data_format != "channels_last"
    ):
        return None
    everywhere = keras.layers.Conv2D(1, 1, dtype="float32", name=f"{MAP}_convolution")
    evidence = keras.ops.squeeze(everywhere(features), axis=-1)
    bias = dense.bias if dense.use_bias else keras.ops.zeros(1)
    everywhere.set_weights([keras.ops.reshape(dense.kernel, (1, 1, -1, 1)), bias])
    return keras.Model(model.inputs[0], [probability, evidence], name=model.name)


def _operation(
    tensor: keras.KerasTensor,
) -> tuple[keras.Operation | None, keras.KerasTensor | None]:
    """Return the operation that gives a tensor of a network, and the only tensor that it takes."""
    history = getattr(tensor, "_keras_history", None)
    if history is None or history.operation is None:
        return None, None
    taken = history.operation._inbound_nodes[history.node_index].input_tensors  # noqa: SLF001
    return (history.operation, taken[0]) if len(taken) == 1 else (None, None)
