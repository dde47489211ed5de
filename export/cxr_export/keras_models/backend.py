"""The library that Keras computes with, once it is loaded."""

from typing import Final

import keras

from cxr_edge.errors import UsageError
from cxr_edge.extras import BACKENDS

_TENSORFLOW: Final = "tensorflow"


def backend_name() -> str:
    """Return the name of the library, as its makers write it."""
    backend: str = keras.backend.backend()
    return BACKENDS.get(backend, backend)


def backend_errors() -> tuple[type[Exception], ...]:
    """Return the errors of the library that are not Python's own; JAX and PyTorch have none."""
    if keras.backend.backend() != _TENSORFLOW:
        return ()
    import tensorflow as tf

    return (tf.errors.OpError,)


def require_tensorflow(use: str) -> None:
    """Check that Keras computes with TensorFlow.

    Parameters
    ----------
    use
        The part of TensorFlow in the command, for the message: ``exports Keras models``.

    Raises
    ------
    UsageError
        Keras computes with another library.
    """
    backend: str = keras.backend.backend()
    if backend != _TENSORFLOW:
        raise UsageError(
            f"KERAS_BACKEND: expected tensorflow, which {use}, got {backend}; leave the variable "
            "out for this command"
        )
