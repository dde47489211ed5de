"""The Protocol of what reads a model's layers."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

OUTPUT: Final = "output"
"""Stands among the operations of the tensor that is the network's answer."""


@dataclass(frozen=True)
class LayerTensor:
    """One intermediate result of an artefact."""

    name: str
    """For people: the Keras layer, or the name in the artefact."""
    operations: tuple[str, ...]
    """Operations of the TensorFlow graph whose result it may be; exporters keep their names.

    A tensor of Keras or ONNX has one, one of TFLite those of a layer that was fused. The
    network's answer has :data:`OUTPUT` too.
    """


class Probe(Protocol):
    """An artefact, opened so that all of its intermediate results can be read."""

    @property
    def tensors(self) -> tuple[LayerTensor, ...]:
        """What depends on the image, in the order of computation."""

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """Return the values of :attr:`tensors` on a batch.

        Quantized values come as the floats that they stand for, images with channels last.

        Parameters
        ----------
        pixels
            Shape (N, H, W, C), N >= 1.

        Raises
        ------
        ModelError
            The library failed on it.
        """


def with_output(*operations: str, answer: bool) -> tuple[str, ...]:
    """Return a tensor's operations, and :data:`OUTPUT` with them if it is the answer."""
    return (*operations, OUTPUT) if answer else operations


def first_line(exc: Exception) -> str:
    """Return what a library says, without its traces."""
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]
