"""The Keras model that artefacts are made from and held against."""

import zipfile
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from cxr_edge.artefact import read_appended_spec
from cxr_edge.errors import ModelInvalid, UsageError
from cxr_edge.runtimes import Scores, check_input
from cxr_edge.spec import ModelSpec


class KerasRuntime:
    """A Keras model behind the same seam as the runtimes of deployment."""

    provider = "TensorFlow"

    def __init__(self, model: keras.Model, spec: ModelSpec) -> None:
        """Wrap what :func:`load_original` returned."""
        self.spec = spec
        self._model = model

    def run(self, pixels: NDArray[np.uint8]) -> Scores:
        """Score a batch; see :class:`cxr_edge.runtimes.Runtime`."""
        return np.asarray(self._model.predict_on_batch(pixels), np.float32).reshape(-1)


def load_original(path: Path, spec: ModelSpec | None = None) -> tuple[keras.Model, ModelSpec]:
    """Load a ``.keras`` file and its spec.

    Keras' safe mode stays on: a model is data, and one that holds code is refused.

    Parameters
    ----------
    path
        The file.
    spec
        Instead of the one inside.

    Raises
    ------
    UsageError
        The file does not exist.
    ModelInvalid
        It is no Keras model, is damaged, or takes or gives other than its spec says.
    SpecMissing, SpecInvalid, SpecUnknown
        No usable spec inside and none given.
    """
    if not path.is_file():
        raise UsageError(f"expected a .keras file, {path} does not exist")
    if not zipfile.is_zipfile(path):
        raise ModelInvalid(
            f"{path}: expected a Keras 3 model (.keras), came something else or half of one; "
            "save it with model.save('model.keras')"
        )
    spec = spec or read_appended_spec(path.read_bytes(), str(path))
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as exc:
        lines = str(exc).strip().splitlines() or [type(exc).__name__]
        raise ModelInvalid(f"{path}: Keras cannot load it: {lines[0]}") from exc
    _check(path, model, spec)
    return model, spec


def _check(path: Path, model: keras.Model, spec: ModelSpec) -> None:
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelInvalid(
            f"{path}: expected one input and one output, "
            f"came {len(model.inputs)} and {len(model.outputs)}"
        )
    image, output = model.inputs[0], model.outputs[0]
    check_input(str(path), spec.input, tuple(image.shape), str(image.dtype))
    if tuple(output.shape) not in ((None, 1), (None,)):
        raise ModelInvalid(
            f"{path}: expected one probability a film, shape (N, 1), came {tuple(output.shape)}"
        )
