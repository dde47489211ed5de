"""The reference model of a comparison."""

from pathlib import Path

from cxr_edge.models.open import open_artefact
from cxr_edge.models.package import ORIGINAL
from cxr_edge.runtimes.base import Runtime
from cxr_edge.spec.embedding import KERAS_SUFFIXES, spec_missing
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.keras_models.load import load_original
from cxr_export.keras_models.locate import is_saved_model


def open_reference(
    path: Path, spec: ModelSpec | None = None, *, maps: bool = False, features: bool = False
) -> Runtime:
    """Open the model that artefacts are compared with, whatever its format.

    Parameters
    ----------
    path
        A ``.keras`` or ``.h5`` file, a package with one, a TensorFlow SavedModel folder, or an
        ``.onnx`` or ``.tflite`` file.
    spec
        Spec in place of the one inside; a SavedModel and an ``.h5`` file have none.
    maps
        Whether heat maps are asked for, where the model has them.
    features
        Whether feature vectors are asked for, where the model has them.

    Raises
    ------
    UsageError
        There is nothing at the path.
    ModelError
        As :func:`load_original` and :func:`cxr_edge.models.open.open_artefact`.
    """
    if is_saved_model(path):
        if spec is None:
            raise spec_missing(str(path))
        from cxr_export.keras_models.saved_model import SavedModelRuntime  # loads TensorFlow

        return SavedModelRuntime(path, spec)
    if (path / ORIGINAL).is_file():
        path /= ORIGINAL
    if path.suffix.lower() in KERAS_SUFFIXES:
        return load_original(path, spec, maps=maps, features=features)
    return open_artefact(str(path), spec=spec, maps=maps, features=features).runtime
