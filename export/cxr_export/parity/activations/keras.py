"""Activations of the Keras model."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cxr_edge.errors import ModelError
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.system.printable import first_line
from cxr_export.keras_models.backend import require_tensorflow
from cxr_export.keras_models.load import load_original
from cxr_export.parity.activations.probe import LayerTensor, with_output


class KerasProbe:
    """A Keras model; its tensors are the results of its layers.

    The model is traced as exporters trace it, so that operations have the names that are then
    found in artefacts; these cannot be told from the layers' names alone.
    """

    def __init__(self, path: Path, spec: ModelSpec | None = None) -> None:
        """Load a model.

        Raises
        ------
        UsageError, ModelInvalid, SpecMissing, SpecInvalid, SpecUnknown
            As :func:`cxr_export.keras_models.load.load_original`; or Keras computes with another
            library than TensorFlow.
        """
        require_tensorflow("traces Keras models")
        original = load_original(path, spec)
        model = original.model
        self._source = str(path)
        results: list[tuple[str, tf.Tensor]] = []
        for layer in _leaves(model):
            layer.call = _recorded(layer.name, layer.call, results)
        found: dict[str, str] = {}

        def trace(image: tf.Tensor) -> list[tf.Tensor]:
            answer = model(image, training=False)
            by_operation: dict[str, tuple[str, tf.Tensor]] = {}
            for name, result in results:
                if result.graph is not answer.graph:
                    continue  # Keras also calls layers to learn their shapes
                # What does nothing, as dropout here, has the operation of the layer before.
                by_operation.setdefault(result.op.name, (name, result))
            found.update({operation: name for operation, (name, _) in by_operation.items()})
            self._answer = answer.op.name
            return [result for _, result in by_operation.values()]

        signature = tf.TensorSpec((None, *original.spec.input.shape), tf.uint8)
        self._run = tf.function(trace, autograph=False).get_concrete_function(signature)
        self.tensors = tuple(
            LayerTensor(name, with_output(operation, answer=operation == self._answer))
            for operation, name in found.items()
        )

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """Return the values of :attr:`tensors` on a batch, as ``Probe.run`` does.

        Parameters
        ----------
        pixels
            Shape (N, H, W, C), N >= 1.

        Raises
        ------
        ModelError
            The library failed on it.
        """
        try:
            values = self._run(tf.constant(pixels))
        except (tf.errors.OpError, ValueError, TypeError) as exc:
            raise ModelError(f"{self._source}: Keras failed on a batch: {first_line(exc)}") from exc
        return [value.numpy() for value in values]


def _leaves(model: keras.Model) -> Iterator[keras.Layer]:
    """Yield the layers of a model and of the models in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            yield layer


def _recorded(
    name: str, call: Callable[..., Any], results: list[tuple[str, tf.Tensor]]
) -> Callable[..., Any]:
    """Return a layer's call that also notes its result where that is one tensor."""

    def recording(*args: Any, **kwargs: Any) -> Any:  # whatever the layer takes
        result = call(*args, **kwargs)
        if isinstance(result, tf.Tensor):
            results.append((name, result))
        return result

    return recording
