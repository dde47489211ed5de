"""Settings of the library that Keras computes with."""

import os


def make_deterministic(backend: str) -> None:
    """Make a library give the same numbers for the same seed, at some cost in speed.

    JAX does so anyway, but for a GPU, where an environment variable must be set before it starts:
    ``XLA_FLAGS=--xla_gpu_deterministic_ops=true``.

    Parameters
    ----------
    backend
        One of :data:`cxr_edge.extras.BACKENDS`, as Keras names the one that it has loaded.
    """
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif backend == "torch":
        # cuBLAS repeats its sums only with this, and reads it when it starts.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        import torch

        torch.use_deterministic_algorithms(True)
