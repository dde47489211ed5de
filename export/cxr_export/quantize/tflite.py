"""Quantized TFLite (fp16, dynamic range and int8), by ai-edge-quantizer."""

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
from ai_edge_quantizer import qtyping, quantizer
from ai_edge_quantizer.algorithm_manager import AlgorithmName
from ai_edge_quantizer.qtyping import TFLOperationName
from ai_edge_quantizer.utils import tfl_flatbuffer_utils as flatbuffer
from numpy.typing import NDArray

from cxr_edge.errors import ModelError
from cxr_edge.runtimes.base import MAP
from cxr_edge.spec.embedding import append_spec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.precision import Precision
from cxr_export.quantize.plan import MINMAX, QuantizationPlan
from cxr_export.quantize.quiet import quiet

_LAYERS: Final = (
    TFLOperationName.CONV_2D,
    TFLOperationName.DEPTHWISE_CONV_2D,
    TFLOperationName.FULLY_CONNECTED,
)
_ACTIVATIONS: Final = (TFLOperationName.LOGISTIC, TFLOperationName.RELU)
_HALF: Final = qtyping.OpQuantizationConfig(
    weight_tensor_config=qtyping.TensorQuantizationConfig(
        num_bits=16, dtype=qtyping.TensorDataType.FLOAT
    ),
    compute_precision=qtyping.ComputePrecision.FLOAT,
    explicit_dequantize=True,
)
_CHUNK: Final = 8
"""Images per call; their activations are in memory at once."""


class TfliteQuantizer:
    """Quantizes one TFLite graph; activations per tensor, weights per channel.

    The convolution that gives the heat map stays in float: it takes no time.
    """

    def __init__(self, precision: Precision, source: Path, images: NDArray[np.uint8]) -> None:
        """Take a float artefact.

        Parameters
        ----------
        precision
            One of :data:`cxr_edge.spec.quantization.PRECISIONS`.
        source
            The float artefact, as :func:`cxr_export.convert.tflite.export_tflite` writes it.
        images
            Calibration images, uint8 (N, H, W, C); used for ``int8`` only.
        """
        self.precision = precision
        self.calibrators = (MINMAX,) if precision is Precision.INT8 else ()
        self._source, self._images = source, images
        self._ranges: dict[int, dict[str, Any]] = {}
        self.layers, self._behind, self._heat_map = _layers(source)

    def write(self, plan: QuantizationPlan, spec: ModelSpec, path: Path) -> None:
        """Quantize; see :class:`cxr_export.quantize.plan.Quantizer`."""
        try:
            with quiet():
                worker = self._worker(plan)
                ranges = self._measure(plan.images) if worker.need_calibration else None
                data = bytes(worker.quantize(ranges).quantized_model)
        except (ValueError, RuntimeError, KeyError) as exc:
            raise ModelError(f"{path.name}: ai-edge-quantizer cannot quantize it: {exc}") from exc
        path.write_bytes(data)
        append_spec(path, spec)

    def _worker(self, plan: QuantizationPlan) -> quantizer.Quantizer:
        worker = quantizer.Quantizer(str(self._source))
        every = {"regex": ".*", "operation_name": TFLOperationName.ALL_SUPPORTED}
        if self.precision is Precision.FP16:
            worker.update_quantization_recipe(
                **every, op_config=_HALF, algorithm_key=AlgorithmName.FLOAT_CASTING
            )
        elif self.precision is Precision.DYNAMIC:
            worker.add_dynamic_config(**every, num_bits=8)
        else:
            worker.add_static_config(**every, activation_num_bits=8, weight_num_bits=8)
        for layer in plan.weights_only:
            worker.add_weight_only_config(_exactly(layer), every["operation_name"], num_bits=8)
        apart = {*plan.weights_only, *plan.float_layers}
        behind = {self._behind[layer] for layer in apart if layer in self._behind}
        for name in (*plan.float_layers, *behind, *self._heat_map):
            worker.update_quantization_recipe(
                _exactly(name), every["operation_name"], algorithm_key=AlgorithmName.NO_QUANTIZE
            )
        return worker

    def _measure(self, count: int) -> dict[str, Any]:
        """Return the smallest and the largest value of each activation on the first images.

        Over many batches the library takes a moving average, which clips; so each batch is measured
        by itself and the extremes are kept.
        """
        if count not in self._ranges:
            worker = self._worker(QuantizationPlan(MINMAX, count))
            merged: dict[str, Any] = {}
            for first in range(0, count, _CHUNK):
                batch = [{"image": self._images[first : min(first + _CHUNK, count)]}]
                for name, found in worker.calibrate({"serving_default": batch}).items():
                    seen = merged.setdefault(name, dict(found))
                    if "min" in found:
                        seen["min"] = np.minimum(seen["min"], found["min"])
                        seen["max"] = np.maximum(seen["max"], found["max"])
            self._ranges[count] = merged
        return self._ranges[count]


def _layers(source: Path) -> tuple[tuple[str, ...], dict[str, str], tuple[str, ...]]:
    """Return the names of layers with weights, in the order of the graph.

    A layer has the name of its output tensor. The dictionary gives the activation function that
    directly follows a layer. The last names are those of the operations that make the heat map.
    """
    model = flatbuffer.read_model(str(source))
    graph = model.subgraphs[0]
    needed = _needed(model)
    heat_map: list[str] = []
    kinds = [flatbuffer.TFL_OP_CODE_TO_NAME.get(code.builtinCode) for code in model.operatorCodes]
    layers: list[str] = []
    behind: dict[str, str] = {}
    for operation in graph.operators:
        kind = kinds[operation.opcodeIndex]
        result = graph.tensors[operation.outputs[0]].name.decode()
        taken = graph.tensors[operation.inputs[0]].name.decode()
        if needed.isdisjoint(operation.outputs):
            heat_map.append(result)
        elif kind in _LAYERS:
            layers.append(result)
        elif kind in _ACTIVATIONS and taken in layers:
            behind[taken] = result
    return tuple(layers), behind, tuple(heat_map)


def _needed(model: Any) -> set[int]:
    """Return the tensors that the outputs other than the heat map depend on."""
    graph = model.subgraphs[0]
    maps = {
        output.tensorIndex
        for signature in model.signatureDefs or ()
        for output in signature.outputs
        if output.name.decode() == MAP
    }
    needed = set(map(int, graph.outputs)) - maps
    for operation in reversed(graph.operators):
        if not needed.isdisjoint(operation.outputs):
            needed.update(map(int, operation.inputs))
    return needed


def _exactly(layer: str) -> str:
    return f"^{re.escape(layer)};"  # the library ends each of an operation's outputs like this
