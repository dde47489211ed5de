"""ONNX int8 (static, QDQ format, per channel), by onnxruntime's quantizer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    create_calibrator,
    quantize_static,
)
from onnxruntime.quantization.calibrate import save_tensors_data
from onnxruntime.quantization.shape_inference import quant_pre_process

from cxr_edge import __version__
from cxr_edge.errors import ModelError
from cxr_edge.runtimes.base import PROBABILITY
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.precision import Precision
from cxr_export.convert.onnx import needed_for, save_onnx
from cxr_export.quantize.plan import ENTROPY, MINMAX, PERCENTILE, QuantizationPlan
from cxr_export.quantize.quiet import quiet

_METHODS: Final = {
    MINMAX: CalibrationMethod.MinMax,
    PERCENTILE: CalibrationMethod.Percentile,
    ENTROPY: CalibrationMethod.Entropy,
}
_LAYERS: Final = ("Conv", "Gemm", "MatMul")
_ACTIVATIONS: Final = ("Clip", "Relu", "Sigmoid")
_CHUNK: Final = 8
"""Images per call; their activations are in memory at once."""


class OnnxInt8:
    """Quantizes one ONNX graph.

    Weights are int8 of 7 bits (``reduce_range``): with 8, the sums of CPUs with AVX2 and without
    VNNI overflow, and the artefact would be right on some machines only. Activations are uint8
    from the first layer on; the scaling of the pixels before it stays in float, where it loses
    nothing, and so does the convolution that gives the heat map, which takes no time.
    """

    precision = Precision.INT8
    calibrators = (MINMAX, PERCENTILE, ENTROPY)

    def __init__(self, source: Path, images: NDArray[np.uint8], scratch: Path) -> None:
        """Prepare the graph: batch norms folded, shapes known.

        Parameters
        ----------
        source
            The float artefact, as :func:`cxr_export.convert.onnx.export_onnx` writes it.
        images
            Calibration images, uint8 (N, H, W, C).
        scratch
            An existing folder for intermediate files.
        """
        self._images, self._scratch = images, scratch
        self._float = scratch / "prepared.onnx"
        try:
            quant_pre_process(source, self._float, skip_symbolic_shape=True)
        except Exception as exc:
            raise ModelError(f"{source.name}: cannot be prepared for int8: {exc}") from exc
        self._graph = onnx.load(self._float).graph
        weights = {weight.name for weight in self._graph.initializer}
        needed = needed_for(self._graph, PROBABILITY)
        self._heat_map = [node.name for node in self._graph.node if needed.isdisjoint(node.output)]
        self.layers = tuple(
            node.name
            for node in self._graph.node
            if node.op_type in _LAYERS
            and node.input[1] in weights
            and node.name not in self._heat_map
        )
        names = [node.name for node in self._graph.node]
        self._before = names[: names.index(self.layers[0])] if self.layers else names

    def write(self, plan: QuantizationPlan, spec: ModelSpec, path: Path) -> None:
        """Quantize; see :class:`cxr_export.quantize.plan.Quantizer`."""
        apart = {*plan.weights_only, *plan.float_layers}
        try:
            quantize_static(
                self._float,
                path,
                None,
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=_METHODS[plan.calibrator],
                calibration_cache_path=self._ranges(plan),
                nodes_to_exclude=[
                    *self._before,
                    *self._heat_map,
                    *apart,
                    *self._activations_of(apart),
                ],
            )
        except (ValueError, RuntimeError, TypeError) as exc:
            raise ModelError(f"{path.name}: onnxruntime cannot quantize it: {exc}") from exc
        model = onnx.load(path)
        for name in plan.weights_only:
            _quantize_weights(model.graph, name)
        model.producer_name, model.producer_version = "cxr-edge", __version__
        save_onnx(model, spec, path)

    def _ranges(self, plan: QuantizationPlan) -> Path:
        """Return the file with the ranges of all activations, measured once for each calibrator."""
        path = self._scratch / f"{plan.calibrator}-{plan.images}.json"
        if not path.exists():
            calibrator = create_calibrator(
                self._float,
                augmented_model_path=str(self._scratch / "augmented.onnx"),
                calibrate_method=_METHODS[plan.calibrator],
            )
            images = self._images[: plan.images]
            with quiet():
                for first in range(0, len(images), _CHUNK):
                    calibrator.collect_data(_Reader(images[first : first + _CHUNK]))
                save_tensors_data(calibrator.compute_data(), path)
        return path

    def _activations_of(self, layers: set[str]) -> list[str]:
        """Return the activation functions that directly follow layers and share their range."""
        outputs = {node.output[0] for node in self._graph.node if node.name in layers}
        return [
            node.name
            for node in self._graph.node
            if node.op_type in _ACTIVATIONS and node.input[0] in outputs
        ]


class _Reader(CalibrationDataReader):
    """Hands images to the calibrator, one batch."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        self._batches: Iterator[dict[str, Any]] = iter([{"image": images}])

    def get_next(self) -> dict[str, Any] | None:
        return next(self._batches, None)


def _quantize_weights(graph: onnx.GraphProto, name: str) -> None:
    """Store a layer's weights as int8 per output channel, dequantized when it is loaded."""
    node = next(node for node in graph.node if node.name == name)
    tensor = next(weight for weight in graph.initializer if weight.name == node.input[1])
    transposed = any(a.name == "transB" and a.i for a in node.attribute)
    axis = 0 if node.op_type == "Conv" or transposed else 1
    values = numpy_helper.to_array(tensor)
    others = tuple(number for number in range(values.ndim) if number != axis)
    largest = np.abs(values).max(axis=others, keepdims=True)
    scale = (np.where(largest > 0, largest, 1) / 127).astype(np.float32)
    quantized = np.rint(values / scale).astype(np.int8)
    graph.initializer.remove(tensor)
    graph.initializer.extend(
        [
            numpy_helper.from_array(quantized, f"{name}/weight_quantized"),
            numpy_helper.from_array(scale.reshape(-1), f"{name}/weight_scale"),
        ]
    )
    inputs = [f"{name}/weight_quantized", f"{name}/weight_scale"]
    dequantized = f"{name}/weight_dequantized"
    node.input[1] = dequantized
    position = list(graph.node).index(node)
    graph.node.insert(
        position, helper.make_node("DequantizeLinear", inputs, [dequantized], axis=axis)
    )
