"""What every layer of an artefact answers: one probe for each library that runs them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import UsageError
from cxr_edge.spec import ModelSpec

OUTPUT: Final = "output"
"""Stands among the operations of the tensor that is the network's answer."""


@dataclass(frozen=True)
class Tensor:
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
    def tensors(self) -> tuple[Tensor, ...]:
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


def open_probe(path: Path, spec: ModelSpec | None = None) -> Probe:
    """Open an artefact by its suffix: ``.keras``, ``.onnx`` or ``.tflite``.

    Parameters
    ----------
    path
        The artefact.
    spec
        Of a ``.keras`` file, instead of the one inside; the others need none.

    Raises
    ------
    UsageError
        There is no such file, or its suffix is another.
    ModelInvalid
        It cannot be loaded.
    SpecMissing, SpecInvalid, SpecUnknown
        A ``.keras`` file without a usable spec, and none given.
    """
    if not path.is_file():
        raise UsageError(f"expected an artefact, {path} does not exist")
    match path.suffix:
        case ".keras":
            from cxr_export.activations.original import KerasProbe

            return KerasProbe(path, spec)
        case ".onnx":
            from cxr_export.activations.onnx import OnnxProbe

            return OnnxProbe(path)
        case ".tflite":
            from cxr_export.activations.litert import LiteRtProbe

            return LiteRtProbe(path)
    raise UsageError(f"{path}: expected a .keras, .onnx or .tflite file, came another suffix")


def with_output(*operations: str, answer: bool) -> tuple[str, ...]:
    """Return a tensor's operations, and :data:`OUTPUT` with them if it is the answer."""
    return (*operations, OUTPUT) if answer else operations


def first_line(exc: Exception) -> str:
    """Return what a library says, without its traces."""
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]
