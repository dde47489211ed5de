"""TensorFlow SavedModel folders, run as a reference."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from cxr_edge.errors import ModelError, ModelInvalid
from cxr_edge.models.git_lfs import refuse_pointer
from cxr_edge.runtimes.adapted import AdaptedRuntime
from cxr_edge.runtimes.adapter import Adapter, Array, Tensor
from cxr_edge.spec.embedding import SAVED_MODEL
from cxr_edge.spec.model_spec import ModelSpec

_SIGNATURE: Final = "serving_default"
_REACHES_OUT: Final = frozenset(
    {"ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc"}
)
"""Operations that read or write files, or call Python: nothing that a network needs."""


def is_saved_model(path: Path) -> bool:
    """Tell whether a path is a SavedModel folder."""
    return (path / SAVED_MODEL).is_file()


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
            What it expects and means; there is none inside.

        Raises
        ------
        ModelInvalid
            It is damaged, reaches for files or Python, or is not what its spec says.
        """
        _check_graph(path)
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
        self._signature = _signature(path, self._loaded.signatures)
        inputs: dict[str, Any] = self._signature.structured_input_signature[1]
        outputs: dict[str, Any] = self._signature.structured_outputs
        self.adapter = Adapter(str(path), spec, _tensors(inputs), _tensors(outputs))
        (self._input,), (self._output,) = inputs, outputs

    def _call(self, image: Array) -> Array:
        try:
            given = self._signature(**{self._input: tf.constant(image)})
            return np.asarray(given[self._output])
        except (ValueError, TypeError, tf.errors.OpError) as exc:
            raise ModelError(f"TensorFlow failed on a batch: {exc}") from exc


def _check_graph(path: Path) -> None:
    """Refuse pointers, a graph that cannot be read, and one that does more than compute."""
    for file in (path / SAVED_MODEL, *sorted(path.glob("variables/*"))):
        with file.open("rb") as stream:
            refuse_pointer(stream.read(128), str(file))
    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString((path / SAVED_MODEL).read_bytes())
    except DecodeError as exc:
        raise ModelInvalid(
            f"{path / SAVED_MODEL}: expected a TensorFlow graph, got something else or half of "
            "one; copy the folder again"
        ) from exc
    graphs = [meta.graph_def for meta in model.meta_graphs]
    used = {node.op for graph in graphs for node in graph.node} | {
        node.op
        for graph in graphs
        for function in graph.library.function
        for node in function.node_def
    }
    if reaching := used & _REACHES_OUT:
        raise ModelInvalid(
            f"{path}: expected a graph that only computes, got one that reads or writes files or "
            f"calls Python ({', '.join(sorted(reaching))}); it is not run"
        )


def _signature(path: Path, signatures: Any) -> Any:
    if _SIGNATURE in signatures:
        return signatures[_SIGNATURE]
    if len(signatures) != 1:
        raise ModelInvalid(
            f"{path}: expected the signature {_SIGNATURE}, "
            f"got {', '.join(signatures) or 'none'}; save it with model.export('folder')"
        )
    return next(iter(signatures.values()))


def _tensors(specs: dict[str, Any]) -> list[Tensor]:
    return [
        Tensor(
            name,
            tuple(spec.shape) if spec.shape.rank is not None else (),
            spec.dtype.name,
        )
        for name, spec in specs.items()
    ]
