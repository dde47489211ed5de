"""Activations of an ONNX graph."""

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime as ort
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from cxr_edge.errors import ModelError, ModelInvalid
from cxr_edge.runtimes.adapter import BESIDE
from cxr_edge.runtimes.onnx import LOAD_ERRORS
from cxr_edge.system.printable import first_line
from cxr_export.convert.onnx import needed_for
from cxr_export.parity.activations.probe import LayerTensor, with_output

_CHANNELS_FIRST: Final = [0, 3, 1, 2]
"""Axes of a transposition to it."""
_WINDOWS: Final = frozenset({"Conv", "MaxPool", "AveragePool", "GlobalAveragePool"})
"""Operators that always have channels first."""
_MOVES: Final = frozenset({"Reshape", "Transpose"})
"""Operators that move axes."""
_ERRORS_ONLY: Final = 3


class OnnxProbe:
    """An ONNX graph whose intermediate tensors were made outputs.

    If a tensor is quantized and dequantized at once, the dequantized one is read: the next operator
    gets this one, and onnxruntime still runs its integer kernels.
    """

    def __init__(self, path: Path) -> None:
        """Open a graph.

        Raises
        ------
        ModelInvalid
            It is not ONNX, or onnxruntime cannot load it.
        """
        self._source = str(path)
        try:
            model = onnx.load(path)
        except DecodeError as exc:
            raise ModelInvalid(
                f"{path}: expected an ONNX model, got something else or half of one; "
                "export it or copy it again"
            ) from exc
        answers = [output.name for output in model.graph.output if output.name not in BESIDE]
        if len(model.graph.input) != 1 or len(answers) != 1:
            raise ModelInvalid(
                f"{path}: expected one input and one output beside "
                f"{' and '.join(BESIDE)}, "
                f"got {len(model.graph.input)} and {len(answers)}"
            )
        (answer,) = answers
        read = _readable(model.graph, answer)
        self.tensors = tuple(
            LayerTensor(name, with_output(name.removesuffix(":0"), answer=tensor == answer))
            for tensor, name in read.items()
        )
        self._names = list(read)
        self._channels_first = _channels_first(model.graph)
        del model.graph.output[:]
        model.graph.output.extend(onnx.ValueInfoProto(name=tensor) for tensor in read)
        options = ort.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        try:
            self._session = ort.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except LOAD_ERRORS as exc:
            raise ModelInvalid(
                f"{path}: expected a graph with layers to read, onnxruntime cannot load it "
                f"({first_line(exc)}); export it again"
            ) from exc
        self._input = self._session.get_inputs()[0].name

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """Return the values of :attr:`tensors` on a batch, as ``Probe.run`` does.

        Parameters
        ----------
        pixels
            Shape (N, H, W, C), N >= 1.

        Raises
        ------
        ModelError
            The library failed on it.
        """
        try:
            values = self._session.run(self._names, {self._input: pixels})
        except LOAD_ERRORS as exc:
            raise ModelError(
                f"{self._source}: onnxruntime failed on a batch: {first_line(exc)}"
            ) from exc
        return [
            np.moveaxis(value, 1, -1) if name in self._channels_first and value.ndim == 4 else value
            for name, value in zip(self._names, values, strict=True)
        ]


def _readable(graph: onnx.GraphProto, answer: str) -> dict[str, str]:
    """Return tensors to read, with the names of their content, in the order of computation."""
    needed = needed_for(graph, answer)
    reached = {graph.input[0].name}
    quantized: dict[str, str] = {}  # a quantized tensor, and its source
    moved: dict[str, str] = {}  # a tensor whose axes were moved for a layer, and that layer's name
    read: dict[str, str] = {}
    for node in graph.node:
        if reached.isdisjoint(node.input) or needed.isdisjoint(node.output):
            continue  # a weight, or an output beside
        reached.update(node.output)
        source, result = node.input[0], node.output[0]
        if node.op_type in _MOVES:
            moved[result] = node.name
        if source in moved and re.fullmatch(rf"{re.escape(moved[source])}_\d+", node.name):
            read.pop(source, None)  # it has the layer's name, and is what the layer is given
            read[result] = source
        elif node.op_type == "QuantizeLinear":
            quantized[result] = source
        elif node.op_type == "DequantizeLinear" and source in quantized:
            read.pop(quantized[source], None)
            read[result] = result if result == answer else quantized[source]
        else:
            read[result] = result
    return read


def _channels_first(graph: onnx.GraphProto) -> set[str]:
    """Return the tensors that are (N, C, H, W), if they have four dimensions."""
    found: set[str] = set()
    for node in graph.node:
        if node.op_type == "Transpose":
            axes = next((list(a.ints) for a in node.attribute if a.name == "perm"), None)
            first = axes == _CHANNELS_FIRST
        elif node.op_type == "Reshape":
            first = False
        else:
            first = node.op_type in _WINDOWS or not found.isdisjoint(node.input)
        if first:
            found.update(node.output)
    return found
