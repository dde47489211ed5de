"""The ending of a Keras network: heat map and features, as outputs beside its probability."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import keras

from cxr_edge.runtimes.adapter import BESIDE
from cxr_edge.runtimes.base import FEATURES, MAP

ENDING: Final = "global average pooling and then one dense unit with a sigmoid"
"""Ending of the networks that have a heat map and features."""


def with_outputs(model: keras.Model, names: Collection[str] = tuple(BESIDE)) -> keras.Model | None:
    """Return a network that gives more than its probability; None where its ending is another.

    The ending is global average pooling, dropout or none, and a dense layer of one unit with a
    sigmoid. Features are what is pooled. The map is the dense layer as a 1 x 1 convolution of what
    is pooled (B. Zhou et al., Learning deep features for discriminative localization, CVPR 2016),
    its bias included: a value is the logit that the network would give if all of the image looked
    like this place, and the mean of the map is the logit of the image.

    Parameters
    ----------
    model
        A network with one input and one output, or one that hands its input, scaled, to such a
        network.
    names
        Some of :data:`cxr_edge.runtimes.adapter.BESIDE`.

    Returns
    -------
    keras.Model or None
        The same layers with the probability, (N, 1), and then those asked for: the map, float32
        (N, h, w), and the features, float32 (N, d).
    """
    probability = model.outputs[0]
    last, taken = _operation(probability)
    if isinstance(last, keras.Model):  # wrapped, so that it takes pixels
        inside = with_outputs(last, names)
        return inside and keras.Model(model.inputs[0], inside(taken), name=model.name)
    ending = _Ending.of(model)
    if ending is None:
        return None
    make = {MAP: ending.heat_map, FEATURES: ending.features}
    beside = [make[name]() for name in BESIDE if name in names]
    return keras.Model(model.inputs[0], [probability, *beside], name=model.name)


@dataclass(frozen=True)
class _Ending:
    """The last layers of a network."""

    places: keras.KerasTensor
    """Last feature map, shape (N, h, w, d)."""
    pooled: keras.KerasTensor
    """Its mean over all places, shape (N, d)."""
    dense: keras.layers.Dense
    """Layer that makes the probability of it."""

    @classmethod
    def of(cls, model: keras.Model) -> "_Ending | None":
        """Return the ending of a network; None where it is another than :data:`ENDING`."""
        dense, pooled = _operation(model.outputs[0])
        if not (
            isinstance(dense, keras.layers.Dense)
            and dense.units == 1
            and dense.activation is keras.activations.sigmoid
        ):
            return None
        pooling, places = _operation(pooled)
        while isinstance(pooling, keras.layers.Dropout):
            pooled = places
            pooling, places = _operation(pooled)
        if (
            not isinstance(pooling, keras.layers.GlobalAveragePooling2D)
            or pooling.data_format != "channels_last"
        ):
            return None
        return cls(places, pooled, dense)

    def heat_map(self) -> keras.KerasTensor:
        """Return the dense layer's say on each place."""
        dense = self.dense
        everywhere = keras.layers.Conv2D(1, 1, dtype="float32", name=f"{MAP}_convolution")
        evidence = keras.ops.squeeze(everywhere(self.places), axis=-1)
        bias = dense.bias if dense.use_bias else keras.ops.zeros(1)
        everywhere.set_weights([keras.ops.reshape(dense.kernel, (1, 1, -1, 1)), bias])
        return evidence

    def features(self) -> keras.KerasTensor:
        """Return what is pooled."""
        return keras.ops.cast(self.pooled, "float32")


def _operation(
    tensor: keras.KerasTensor,
) -> tuple[keras.Operation | None, keras.KerasTensor | None]:
    """Return the operation that gives a tensor of a network, and the only tensor that it takes."""
    history = getattr(tensor, "_keras_history", None)
    if history is None or history.operation is None:
        return None, None
    taken = history.operation._inbound_nodes[history.node_index].input_tensors  # noqa: SLF001
    return (history.operation, taken[0]) if len(taken) == 1 else (None, None)
