"""A Keras model as a runtime."""

import keras
import numpy as np
import tensorflow as tf

from cxr_edge.errors import ModelError, ModelInvalid
from cxr_edge.runtimes.adapted import AdaptedRuntime
from cxr_edge.runtimes.adapter import Adapter
from cxr_edge.runtimes.tensor import Array, Tensor
from cxr_edge.spec.model_spec import ModelSpec


class KerasRuntime(AdaptedRuntime):
    """A Keras model behind the same seam as the runtimes of deployment."""

    provider = "TensorFlow"
    why = "Keras runs on the device that TensorFlow chooses"

    def __init__(
        self, model: keras.Model, spec: ModelSpec, source: str = "the Keras model"
    ) -> None:
        """Wrap a model.

        Parameters
        ----------
        model
            A model with one input and one output.
        spec
            Spec of the model.
        source
            The file, for messages.

        Raises
        ------
        ModelInvalid
            Input or output of the model disagree with its spec.
        """
        self.model, self.spec, self.source = model, spec, source
        self.adapter = _adapter(model, spec, source)

    def _call(self, image: Array) -> Array:
        try:
            return np.asarray(self.model.predict_on_batch(image))
        except (ValueError, TypeError, RuntimeError, tf.errors.OpError) as exc:
            raise ModelError(f"Keras failed on a batch: {str(exc).strip()}") from exc


def _adapter(model: keras.Model, spec: ModelSpec, source: str) -> Adapter:
    """Check a model against its spec."""
    try:
        inputs, outputs = list(model.inputs), list(model.outputs)
    except (ValueError, AttributeError, TypeError) as exc:
        raise ModelInvalid(
            f"{source}: expected a model that knows its input's shape, got one that was never "
            "built; give it an Input layer and save it again"
        ) from exc
    names = getattr(model, "output_names", [value.name for value in outputs])  # not of Sequential
    return Adapter(
        source,
        spec,
        [Tensor(value.name, tuple(value.shape), str(value.dtype)) for value in inputs],
        [
            Tensor(name, tuple(value.shape), str(value.dtype))
            for name, value in zip(names, outputs, strict=True)
        ],
    )
