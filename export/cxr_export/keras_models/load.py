"""Keras files, loaded safely with their spec."""

import re
import zipfile
import zlib
from contextlib import nullcontext
from pathlib import Path
from typing import Final

import keras

from cxr_edge.errors import ModelInvalid
from cxr_edge.spec.embedding import read_appended_spec, spec_missing
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.keras_models.backend import backend_errors
from cxr_export.keras_models.keras2 import copy_in_keras3, is_keras2
from cxr_export.keras_models.keras_file import check_keras_file
from cxr_export.keras_models.locate import is_saved_model, require_keras_file
from cxr_export.keras_models.runtime import KerasRuntime

_LOAD_ERRORS: Final[tuple[type[Exception], ...]] = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ImportError,
    RuntimeError,
    OSError,
    EOFError,
    zlib.error,
    zipfile.BadZipFile,
    *backend_errors(),
)
"""Errors that Keras raises on files that are damaged or of other origin."""
_UNKNOWN: Final = re.compile(r"(?:Could not locate \w+|Unknown [\w ]+:|not find \w+) '?([\w.>]+)")
"""Messages of Keras about a class or function that it does not have."""


def load_original(
    path: Path, spec: ModelSpec | None = None, *, maps: bool = False, features: bool = False
) -> KerasRuntime:
    """Load a ``.keras`` or ``.h5`` file with its spec.

    Keras' safe mode stays on: a model is data, and one that holds code is refused.

    Parameters
    ----------
    path
        The file.
    spec
        Spec in place of the one inside; an ``.h5`` file has none.
    maps
        Whether heat maps are asked for, where the model's ending has them.
    features
        Whether feature vectors are asked for, where the model's ending has them.

    Raises
    ------
    UsageError
        The file does not exist, or is a folder.
    ModelInvalid
        It is not a Keras model, is damaged, holds code, or disagrees with its spec.
    SpecMissing, SpecInvalid, SpecUnknown
        No usable spec inside and none given.
    """
    if is_saved_model(path):
        raise ModelInvalid(
            f"{path}: expected a Keras model (.keras or .h5), got a TensorFlow SavedModel, which "
            "can be evaluated, not exported: it holds a graph without its layers; save it with "
            "model.save('model.keras') where it was made"
        )
    require_keras_file(path)
    version = check_keras_file(path)
    if spec is None and not zipfile.is_zipfile(path):
        raise spec_missing(str(path))
    spec = spec or read_appended_spec(path.read_bytes(), str(path))
    try:
        with copy_in_keras3(path) if is_keras2(version) else nullcontext(path) as readable:
            model = keras.saving.load_model(readable, compile=False, safe_mode=True)
    except _LOAD_ERRORS as exc:
        raise ModelInvalid(_explain(path, version, exc)) from exc
    return KerasRuntime(model, spec, str(path), maps=maps, features=features)


def _explain(path: Path, version: str, exc: Exception) -> str:
    """Return a message for an error of Keras."""
    _, _, innermost = str(exc).rpartition("Exception encountered: ")
    reason = (innermost.strip().splitlines() or [type(exc).__name__])[0]
    if is_keras2(version):
        return (
            f"{path}: expected a model that Keras 3 can load, got one of Keras {version} that does "
            f"not map to it ({reason}); load it with Keras 2 where it was made, and save it there "
            "as a SavedModel to evaluate it, or export it to ONNX"
        )
    if unknown := _UNKNOWN.search(str(exc)):
        return (
            f"{path}: expected layers that this version of Keras has, got {unknown[1]}, whose "
            "code the file does not hold: a model is loaded as data; save it as .keras with "
            "layers of Keras alone, or export it to ONNX where its code is"
        )
    return f"{path}: Keras cannot load it: {reason}"
