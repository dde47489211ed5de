"""The Keras model that artefacts are made from and held against."""

import dataclasses
import re
import zipfile
import zlib
from pathlib import Path
from typing import Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from cxr_edge.artefact import KERAS_SUFFIXES, read_appended_spec, spec_missing
from cxr_edge.errors import ModelError, ModelInvalid, UsageError
from cxr_edge.model import open_model
from cxr_edge.package import ORIGINAL
from cxr_edge.runtimes import Runtime, Scores
from cxr_edge.runtimes.adapter import Adapter, Array, Tensor
from cxr_edge.spec import ModelSpec
from cxr_export.keras_file import check_keras_file
from cxr_export.saved_model import SavedModelRuntime, is_saved_model

_LOAD_ERRORS: Final = (
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
    tf.errors.OpError,
)
"""What Keras raises on files that are damaged or of other origin."""
_UNKNOWN: Final = re.compile(r"(?:Could not locate \w+|Unknown [\w ]+:|not find \w+) '?([\w.>]+)")
"""How Keras names a class or function that it does not have."""


class KerasRuntime:
    """A Keras model behind the same seam as the runtimes of deployment."""

    provider = "TensorFlow"

    def __init__(
        self, model: keras.Model, spec: ModelSpec, source: str = "the Keras model"
    ) -> None:
        """Wrap a model.

        Parameters
        ----------
        model
            What :func:`load_original` returned.
        spec
            What it expects and means.
        source
            The file, for messages.

        Raises
        ------
        ModelInvalid
            The model takes or gives other than its spec says.
        """
        self.spec = spec
        self._model = model
        self._adapter = _adapter(model, spec, source)

    def run(self, pixels: NDArray[np.uint8]) -> Scores:
        """Score a batch; see :class:`cxr_edge.runtimes.Runtime`.

        Raises
        ------
        ModelInvalid
            What came out is not one probability a film.
        ModelError
            Keras failed on it.
        """
        return self._adapter.run(pixels, self._call)

    def _call(self, image: Array) -> Array:
        try:
            return np.asarray(self._model.predict_on_batch(image))
        except (ValueError, TypeError, RuntimeError, tf.errors.OpError) as exc:
            raise ModelError(f"Keras failed on a batch: {str(exc).strip()}") from exc


def load_original(path: Path, spec: ModelSpec | None = None) -> tuple[keras.Model, ModelSpec]:
    """Load a ``.keras`` or ``.h5`` file and its spec.

    Keras' safe mode stays on: a model is data, and one that holds code is refused.

    Parameters
    ----------
    path
        The file.
    spec
        Instead of the one inside; an ``.h5`` file has none.

    Raises
    ------
    UsageError
        The file does not exist.
    ModelInvalid
        It is no Keras model, is damaged, holds code, or takes or gives other than its spec says.
    SpecMissing, SpecInvalid, SpecUnknown
        No usable spec inside and none given.
    """
    if is_saved_model(path):
        raise ModelInvalid(
            f"{path}: expected a Keras model (.keras or .h5), came a TensorFlow SavedModel, which "
            "can be evaluated, not exported: it holds a graph without its layers; save it with "
            "model.save('model.keras') where it was made"
        )
    if not path.is_file():
        raise UsageError(f"expected a .keras or .h5 file, {path} does not exist")
    check_keras_file(path)
    if spec is None and not zipfile.is_zipfile(path):
        raise spec_missing(str(path))
    spec = spec or read_appended_spec(path.read_bytes(), str(path))
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except _LOAD_ERRORS as exc:
        raise ModelInvalid(_explain(path, exc)) from exc
    _adapter(model, spec, str(path))
    return model, spec


def open_reference(path: Path, spec: ModelSpec | None = None) -> Runtime:
    """Open what artefacts are to be held against, whatever its format.

    Parameters
    ----------
    path
        A ``.keras`` or ``.h5`` file, a package with one, a TensorFlow SavedModel folder, or an
        ``.onnx`` or ``.tflite`` file.
    spec
        Instead of the one inside; a SavedModel and an ``.h5`` file have none.

    Raises
    ------
    UsageError
        There is nothing at the path.
    ModelError
        As :func:`load_original` and :func:`cxr_edge.model.open_model`.
    """
    if is_saved_model(path):
        if spec is None:
            raise spec_missing(str(path))
        return SavedModelRuntime(path, spec)
    if (path / ORIGINAL).is_file():
        path /= ORIGINAL
    if path.suffix.lower() in KERAS_SUFFIXES:
        model, spec = load_original(path, spec)
        return KerasRuntime(model, spec, str(path))
    return open_model(str(path), spec=spec).runtime


def single_probability(
    model: keras.Model, spec: ModelSpec, source: str = "the Keras model"
) -> tuple[keras.Model, ModelSpec]:
    """Return a model as it is exported: uint8 pixels (N, H, W, C) in, probability (N, 1) out.

    Scaling to floats, the order of the axes and the choice of the positive class among two go
    into the graph. A model that is so already is returned as it is.

    Parameters
    ----------
    model
        What :func:`load_original` returned.
    spec
        What it expects and means.
    source
        The file, for messages.

    Returns
    -------
    tuple
        The model, and the spec that fits it: scale 1, offset 0.

    Raises
    ------
    ModelInvalid
        It takes one film at a time only, so its artefacts could not take more; or it gives
        something else than probabilities, tried on a black, a white and a noisy film.
    """
    adapter = _adapter(model, spec, source)
    image, output = model.inputs[0], model.outputs[0]
    if adapter.film_by_film:
        raise ModelInvalid(
            f"{source}: expected any number of films in, came shape {tuple(image.shape)}; "
            "save the model with a batch of None"
        )
    _check_probabilities(model, spec, source)
    as_exported = str(image.dtype) == "uint8" and not adapter.channels_first
    if as_exported and tuple(output.shape[1:]) == (1,):
        return model, spec
    taken = keras.Input(spec.input.shape, dtype="uint8", name="image")
    passed = taken
    if not spec.input.raw:
        passed = keras.layers.Rescaling(spec.input.scale, spec.input.offset)(passed)
    if str(passed.dtype) != str(image.dtype):
        passed = keras.ops.cast(passed, image.dtype)
    if adapter.channels_first:
        passed = keras.layers.Permute((3, 1, 2))(passed)
    given = model(passed)
    if len(output.shape) == 1:
        given = keras.layers.Reshape((1,))(given)
    elif output.shape[1] == 2:
        given = given[:, 1:2]
    scaled = dataclasses.replace(spec.input, scale=1.0, offset=0.0)
    return keras.Model(taken, given, name=model.name), dataclasses.replace(spec, input=scaled)


def _check_probabilities(model: keras.Model, spec: ModelSpec, source: str) -> None:
    """Refuse a network that ends before its sigmoid or softmax."""
    films = np.zeros((3, *spec.input.shape), np.uint8)
    films[1] = 255
    films[2] = np.random.default_rng(0).integers(0, 256, spec.input.shape)
    scores = KerasRuntime(model, spec, source).run(films)
    if wrong := [score for score in scores.tolist() if not 0 <= score <= 1]:
        raise ModelInvalid(
            f"{source}: expected probabilities from 0 to 1, came {wrong[0]:.4g}; end the network "
            "in a sigmoid"
        )


def _adapter(model: keras.Model, spec: ModelSpec, source: str) -> Adapter:
    """Check a model against its spec."""
    try:
        inputs, outputs = list(model.inputs), list(model.outputs)
    except (ValueError, AttributeError, TypeError) as exc:
        raise ModelInvalid(
            f"{source}: expected a model that knows its input's shape, came one that was never "
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


def _explain(path: Path, exc: Exception) -> str:
    """Return a message for what Keras raised."""
    text = str(exc).strip()
    if unknown := _UNKNOWN.search(text):
        return (
            f"{path}: expected layers that this version of Keras has, came {unknown[1]}, whose "
            "code the file does not hold: a model is loaded as data; save it as .keras with "
            "layers of Keras alone, or export it to ONNX where its code is"
        )
    return f"{path}: Keras cannot load it: {(text.splitlines() or [type(exc).__name__])[0]}"
