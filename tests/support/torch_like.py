"""Write a small untrained network as PyTorch exports one: NCHW, float32, ending in logits."""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write(path: str, columns: int, end: str = "", side: int = 64) -> None:
    """Write an ONNX file; ``end`` is an operator after the logits, such as Softmax."""
    rng = np.random.default_rng(0)
    weights = {
        "conv.weight": rng.normal(0, 0.1, (8, 3, 5, 5)),
        "conv.bias": np.zeros(8),
        "fc.weight": rng.normal(0, 1, (columns, 8)),
        "fc.bias": np.zeros(columns),
    }
    nodes = [
        helper.make_node("Conv", ["input", "conv.weight", "conv.bias"], ["conv"], strides=[4, 4]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("GlobalAveragePool", ["relu"], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["features"]),
        helper.make_node("Gemm", ["features", "fc.weight", "fc.bias"], ["logits"], transB=1),
        helper.make_node(end or "Identity", ["logits"], ["output"]),
    ]
    shapes = {"input": ["batch", 3, side, side], "output": ["batch", columns]}
    taken, given = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    )
    inside = [numpy_helper.from_array(np.float32(w), name) for name, w in weights.items()]
    graph = helper.make_graph(nodes, "main_graph", [taken], [given], inside)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]))
