"""The library that Keras computes with, chosen by the environment; Keras is not loaded for that."""

import importlib.util
import os
from typing import Final

from cxr_edge.errors import UsageError

_VARIABLE: Final = "KERAS_BACKEND"
_TENSORFLOW: Final = "tensorflow"

BACKENDS: Final = (_TENSORFLOW, "jax", "torch")
"""Libraries that train a network; the extra ``train`` brings the first."""


def check_backend() -> None:
    """Check that the library which the environment asks for is there.

    Raises
    ------
    UsageError
        It is unknown or not installed.
    """
    name = os.environ.get(_VARIABLE) or _TENSORFLOW
    if name not in BACKENDS:
        raise UsageError(f"{_VARIABLE}: expected {', '.join(BACKENDS)}, got {name!r}")
    if name != _TENSORFLOW and importlib.util.find_spec(name) is None:
        raise UsageError(
            f"{_VARIABLE}: expected an installed library, {name} is not; install it (pip install "
            f"{name}), or leave the variable out for TensorFlow"
        )


def make_deterministic(backend: str) -> None:
    """Make a library give the same numbers for the same seed, at some cost in speed.

    JAX does so anyway, but for a GPU, where an environment variable must be set before it starts:
    ``XLA_FLAGS=--xla_gpu_deterministic_ops=true``.

    Parameters
    ----------
    backend
        One of :data:`BACKENDS`, as Keras names the one that it has loaded.
    """
    if backend == _TENSORFLOW:
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif backend == "torch":
        # cuBLAS repeats its sums only with this, and reads it when it starts.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        import torch

        torch.use_deterministic_algorithms(True)
