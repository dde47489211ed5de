"""The library that Keras computes with, once it is loaded."""

from collections.abc import Mapping
from typing import Final

import keras

from cxr_edge.errors import UsageError

_TENSORFLOW: Final = "tensorflow"

_NAMES: Final[Mapping[str, str]] = {_TENSORFLOW: "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


def backend_name() -> str:
    """Return the name of the library, as its makers write it."""
    backend: str = keras.backend.backend()
    return _NAMES.get(backend, backend)


def backend_errors() -> tuple[type[Exception], ...]:
    """Return the errors of the library that are none of Python's own."""
    if keras.backend.backend() != _TENSORFLOW:
        return ()
    import tensorflow as tf

    return (tf.errors.OpError,)


def require_tensorflow(use: str) -> None:
    """Check that Keras computes with TensorFlow.

    Parameters
    ----------
    use
        What needs it, for the message: ``exports Keras models``.

    Raises
    ------
    UsageError
        It computes with another library.
    """
    backend: str = keras.backend.backend()
    if backend != _TENSORFLOW:
        raise UsageError(
            f"KERAS_BACKEND: expected tensorflow, which {use}, got {backend}; leave the variable "
            "out for this command"
        )
