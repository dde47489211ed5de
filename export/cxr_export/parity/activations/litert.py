"""Activations of a TFLite graph."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from cxr_edge.errors import ModelError, ModelInvalid
from cxr_edge.runtimes.adapter import BESIDE
from cxr_edge.runtimes.litert import named_outputs
from cxr_edge.system.printable import first_line
from cxr_export.parity.activations.probe import LayerTensor, with_output


class LiteRtProbe:
    """A TFLite graph with all tensors kept, run by LiteRT's own kernels, without delegates."""

    def __init__(self, path: Path) -> None:
        """Open a graph.

        Raises
        ------
        ModelInvalid
            LiteRT cannot load it.
        """
        self._source = str(path)
        data = path.read_bytes()
        try:
            self._interpreter = Interpreter(
                model_content=data,
                experimental_preserve_all_tensors=True,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as exc:
            raise ModelInvalid(
                f"{path}: expected a TFLite model, LiteRT cannot load it ({first_line(exc)}); "
                "export it or copy it again"
            ) from exc
        details = {one["index"]: one for one in self._interpreter.get_tensor_details()}
        self._input = self._interpreter.get_input_details()[0]["index"]
        outputs = named_outputs(self._interpreter)
        answer = next(one["index"] for one in outputs if one["name"] not in BESIDE)
        self._indices = _computed(data, self._input, answer)
        self._scales = {index: details[index]["quantization"] for index in self._indices}
        self.tensors = tuple(
            LayerTensor(name, with_output(*_operations(name), answer=index == answer))
            for index in self._indices
            for name in [details[index]["name"]]
        )

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
            self._interpreter.resize_tensor_input(self._input, pixels.shape, strict=True)
            self._interpreter.allocate_tensors()
            self._interpreter.set_tensor(self._input, pixels)
            self._interpreter.invoke()
            values = [self._interpreter.get_tensor(index) for index in self._indices]
        except (ValueError, RuntimeError) as exc:
            raise ModelError(
                f"{self._source}: LiteRT failed on a batch: {first_line(exc)}"
            ) from exc
        return [
            _dequantize(value, *self._scales[index])
            for index, value in zip(self._indices, values, strict=True)
        ]


def _computed(data: bytes, image: int, answer: int) -> list[int]:
    """Return the tensors between the image and an output, in the order of computation."""
    graph = schema.Model.GetRootAs(data, 0).Subgraphs(0)
    operators = [graph.Operators(number) for number in range(graph.OperatorsLength())]
    steps = [
        (operator.InputsAsNumpy().tolist(), operator.OutputsAsNumpy().tolist())
        for operator in operators
    ]
    needed = {answer}
    for taken, results in reversed(steps):
        if not needed.isdisjoint(results):
            needed.update(taken)
    reached, found = {image}, []
    for taken, results in steps:
        if reached.isdisjoint(taken) or needed.isdisjoint(results):
            continue  # a weight, or an output beside
        reached.update(results)
        found.append(results[0])
    return found


def _dequantize(value: NDArray[Any], scale: float, zero_point: int) -> NDArray[Any]:
    if not scale:  # no quantized float
        return value
    return ((value.astype(np.float64) - zero_point) * scale).astype(np.float32)


def _operations(name: str) -> Iterator[str]:
    """Yield the operations that a tensor of this name may be the result of.

    ``a/Relu;a/MatMul;b/add1`` lists what was fused. It begins with an operation of the last
    layer, though not always with that layer's last; digits may have been added to its end.
    """
    parts = name.split(";")
    layer = _scope(parts[0])
    yield from (part for part in parts if _scope(part) == layer)
    last = parts[-1]
    while _scope(last) == layer and last[-1:].isdigit():
        last = last[:-1]
        yield last


def _scope(operation: str) -> str:
    return operation.rpartition("/")[0]
