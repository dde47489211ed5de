"""The Protocol of probes, which read a model's layers."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

OUTPUT: Final = "output"
"""Mark among the operations of the tensor that is the network's output."""


@dataclass(frozen=True)
class LayerTensor:
    """One intermediate result of an artefact."""

    name: str
    """Name for people: that of the Keras layer, or the one in the artefact."""
    operations: tuple[str, ...]
    """Operations of the TensorFlow graph whose result it may be; exporters keep their names.

    A tensor of Keras or ONNX has one operation; one of TFLite has those of a fused layer. The
    network's output has :data:`OUTPUT` as well.
    """


class Probe(Protocol):
    """An artefact, opened so that all of its intermediate results can be read."""

    @property
    def tensors(self) -> tuple[LayerTensor, ...]:
        """Tensors that depend on the image, in the order of computation."""

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """Return the values of :attr:`tensors` on a batch.

        Quantized values are returned as floats, images with channels last.

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
    """Return a tensor's operations, with :data:`OUTPUT` if it is the network's output."""
    return (*operations, OUTPUT) if answer else operations
