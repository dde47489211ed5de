"""A Keras model as a runtime."""

from collections.abc import Sequence
from typing import Final

import keras

from cxr_edge.errors import ModelError, ModelInvalid
from cxr_edge.runtimes.adapted import AdaptedRuntime
from cxr_edge.runtimes.adapter import Adapter
from cxr_edge.runtimes.base import FEATURES, MAP
from cxr_edge.runtimes.tensor import Array, Tensor
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.keras_models.backend import backend_errors, backend_name
from cxr_export.keras_models.ending import with_outputs

_CALL_ERRORS: Final[tuple[type[Exception], ...]] = (
    ValueError, TypeError, RuntimeError, *backend_errors(),
)  # fmt: skip
"""Errors that Keras and its library raise on a batch."""


class KerasRuntime(AdaptedRuntime):
    """A Keras model behind the same seam as the runtimes of deployment."""

    provider = backend_name()
    why = f"Keras runs on the device that {provider} chooses"

    def __init__(
        self,
        model: keras.Model,
        spec: ModelSpec,
        source: str = "the Keras model",
        *,
        maps: bool = False,
        features: bool = False,
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
        maps
            Whether heat maps are asked for, where the model's ending has them.
        features
            Whether feature vectors are asked for, where the model's ending has them.

        Raises
        ------
        ModelInvalid
            Input or output of the model disagree with its spec.
        """
        self.model, self.spec, self.source = model, spec, source
        inputs, outputs = _tensors(model, source)
        self.adapter = Adapter(source, spec, inputs, outputs)
        self._answering = model
        features = features or spec.input_check is not None
        names = [name for name, asked in ((MAP, maps), (FEATURES, features)) if asked]
        if names and (more := with_outputs(model, names)):
            self._answering = more
            beside = [
                Tensor(name, tuple(output.shape), str(output.dtype))
                for name, output in zip(names, more.outputs[1:], strict=True)
            ]
            self.adapter = Adapter(
                source, spec, inputs, [*outputs, *beside], maps=maps, features=features
            )

    def _call(self, image: Array) -> Sequence[object]:
        try:
            given = self._answering.predict_on_batch(image)
        except _CALL_ERRORS as exc:
            raise ModelError(f"Keras failed on a batch: {str(exc).strip()}") from exc
        return given if isinstance(given, list) else [given]


def _tensors(model: keras.Model, source: str) -> tuple[list[Tensor], list[Tensor]]:
    """Return the inputs and outputs of a model."""
    try:
        inputs, outputs = list(model.inputs), list(model.outputs)
    except (ValueError, AttributeError, TypeError) as exc:
        raise ModelInvalid(
            f"{source}: expected a model that knows its input's shape, got one that was never "
            "built; give it an Input layer and save it again"
        ) from exc
    names = getattr(model, "output_names", [value.name for value in outputs])  # not of Sequential
    return (
        [Tensor(value.name, tuple(value.shape), str(value.dtype)) for value in inputs],
        [
            Tensor(name, tuple(value.shape), str(value.dtype))
            for name, value in zip(names, outputs, strict=True)
        ],
    )
