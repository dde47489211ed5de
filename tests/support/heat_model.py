"""A model whose heat map is known: bright places are evidence."""

from pathlib import Path

import numpy as np
import onnx
from fakes import FakeRuntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.embedding import SPEC_KEY
from cxr_edge.spec.model_spec import ModelSpec

PLACE = 8
"""Rows and columns of pixels that one place of the map stands for."""

GAIN, OFFSET = 100.0, 43.93
"""Logit per share of white, and what is taken from it: some phantoms are positive, others not."""


def maps_of(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the maps of images: the mean gray value of each place, as a logit."""
    count, height, width, _ = pixels.shape
    tiles = pixels.reshape(count, height // PLACE, PLACE, width // PLACE, PLACE)
    return (tiles.mean(axis=(2, 4)) / 255 * GAIN - OFFSET).astype(np.float32)


class HeatRuntime(FakeRuntime):
    """A runtime with these maps."""

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        self.batches.append(len(pixels))
        maps = maps_of(pixels)
        return Outputs((1 / (1 + np.exp(-maps.mean(axis=(1, 2))))).astype(np.float32), maps)


def write_heat_model(path: Path, spec: ModelSpec, *, maps: bool = True) -> Path:
    """Write an ONNX model with these maps as its second output, or with its probability alone."""
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "AveragePool", ["first"], ["pooled"], kernel_shape=[PLACE] * 2, strides=[PLACE] * 2
        ),
        helper.make_node("Mul", ["pooled", "scale"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "half"], ["logits"]),
        helper.make_node("Squeeze", ["logits", "channel"], ["map"]),
        helper.make_node("GlobalAveragePool", ["logits"], ["mean"]),
        helper.make_node("Sigmoid", ["mean"], ["shares"]),
        helper.make_node("Reshape", ["shares", "flat"], ["probability"]),
    ]
    weights = {
        "scale": np.float32(GAIN / 255),
        "half": np.float32(OFFSET),
        "channel": np.int64([1]),
        "flat": np.int64([-1]),
    }
    sides = (spec.input.height // PLACE, spec.input.width // PLACE)
    outputs = {"probability": ["n"]} if not maps else {"map": ["n", *sides], "probability": ["n"]}
    graph = helper.make_graph(
        nodes,
        "heat",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", *spec.input.shape])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {SPEC_KEY: spec.to_json()})
    onnx.save(model, path)
    return path
