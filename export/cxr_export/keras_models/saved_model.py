"""TensorFlow SavedModel folders, run as a reference."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from cxr_edge.errors import ModelError, ModelInvalid
from cxr_edge.runtimes.adapted import AdaptedRuntime
from cxr_edge.runtimes.adapter import Adapter
from cxr_edge.runtimes.tensor import Array, Tensor
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.keras_models.saved_model_graph import check_saved_model


class SavedModelRuntime(AdaptedRuntime):
    """A SavedModel's signature behind the same seam as the runtimes of deployment."""

    provider = "TensorFlow"
    why = "a SavedModel runs on the device that TensorFlow chooses"

    def __init__(self, path: Path, spec: ModelSpec) -> None:
        """Open a SavedModel.

        Parameters
        ----------
        path
            The folder; its signature ``serving_default``, or its only one, is run.
        spec
            Spec of the model; a SavedModel has none inside.

        Raises
        ------
        ModelInvalid
            It is damaged, does more than compute, or disagrees with its spec.
        """
        signature = check_saved_model(path)
        try:
            self._loaded = tf.saved_model.load(str(path))  # owns the signature's variables
        except (
            OSError,
            ValueError,
            TypeError,
            LookupError,
            RuntimeError,
            tf.errors.OpError,
        ) as exc:
            lines = str(exc).strip().splitlines() or [type(exc).__name__]
            raise ModelInvalid(
                f"{path}: TensorFlow cannot load it ({lines[0]}); save or copy it again"
            ) from exc
        self.spec = spec
        self._signature = self._loaded.signatures[signature]
        inputs: dict[str, Any] = self._signature.structured_input_signature[1]
        outputs: dict[str, Any] = self._signature.structured_outputs
        self.adapter = Adapter(str(path), spec, _tensors(inputs), _tensors(outputs))
        (self._input,) = inputs
        self._outputs = [list(outputs)[position] for position in self.adapter.wanted]

    def _call(self, image: Array) -> Sequence[object]:
        try:
            given = self._signature(**{self._input: tf.constant(image)})
            return [given[name] for name in self._outputs]
        except (ValueError, TypeError, tf.errors.OpError) as exc:
            raise ModelError(f"TensorFlow failed on a batch: {exc}") from exc


def _tensors(specs: dict[str, Any]) -> list[Tensor]:
    return [
        Tensor(
            name,
            tuple(spec.shape) if spec.shape.rank is not None else (),
            spec.dtype.name,
        )
        for name, spec in specs.items()
    ]
