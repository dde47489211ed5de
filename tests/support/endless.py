"""An ONNX model that opens and never answers, as a faulty export of a loop is."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from cxr_edge.spec.embedding import SPEC_KEY
from cxr_edge.spec.model_spec import MINIMAL, ModelSpec

SIDE = 8


def write_endless(path: Path) -> None:
    """Write a model whose loop adds to a score until a sum of gray values is below zero."""
    state = [helper.make_tensor_value_info("before", TensorProto.FLOAT, ["batch"])]
    turn = [
        helper.make_tensor_value_info("turn", TensorProto.INT64, []),
        helper.make_tensor_value_info("go", TensorProto.BOOL, []),
    ]
    body = helper.make_graph(
        [
            helper.make_node("Add", ["before", "sum"], ["after"]),
            helper.make_node("ReduceMin", ["after"], ["least"], keepdims=0),
            helper.make_node("GreaterOrEqual", ["least", "zero"], ["on"]),
        ],
        "body",
        [*turn, *state],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, ["batch"]),
        ],
    )
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["gray"], to=TensorProto.FLOAT),
            helper.make_node("ReduceSum", ["gray", "axes"], ["sum"], keepdims=0),
            helper.make_node("Loop", ["", "start", "sum"], ["score"], body=body),
        ],
        "endless",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", SIDE, SIDE, 1])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"])],
        [
            helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
            helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
            helper.make_tensor("start", TensorProto.BOOL, [], [True]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    spec = ModelSpec.from_dict({**MINIMAL, "input": {"height": SIDE, "width": SIDE, "channels": 1}})
    helper.set_model_props(model, {SPEC_KEY: spec.to_json()})
    onnx.save(model, path)
