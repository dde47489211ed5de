"""Weights outside of an ONNX file are found wherever a graph can hold them."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.locate import default_package
from cxr_edge.runtimes.external_data import has_external_data

WEIGHT = numpy_helper.from_array(np.ones((4, 4), np.float32), "w")


def outside() -> TensorProto:
    tensor = TensorProto()
    tensor.CopyFrom(WEIGHT)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    return tensor


def graph_of(*nodes: onnx.NodeProto, weight: TensorProto | None = None) -> onnx.GraphProto:
    return helper.make_graph([*nodes], "g", [], [], [weight] if weight else [])


def constant(tensor: TensorProto) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["c"], value=tensor)


def branch(graph: onnx.GraphProto) -> onnx.NodeProto:
    return helper.make_node("If", ["x"], ["y"], then_branch=graph, else_branch=graph_of())


def function(tensor: TensorProto) -> onnx.ModelProto:
    opset = [helper.make_opsetid("", 17)]
    body = helper.make_function("own", "f", [], ["c"], [constant(tensor)], opset)
    return helper.make_model(graph_of(), functions=[body])


@pytest.mark.parametrize("tensor", [WEIGHT, outside()], ids=["inside", "outside"])
@pytest.mark.parametrize("place", ["initializer", "constant", "branch", "function", "sparse"])
def test_external_data_is_found_anywhere(tensor: TensorProto, place: str) -> None:
    """Initializers, constants, branches, functions and sparse tensors, and only where it is."""
    if place == "function":
        model = function(tensor)
    elif place == "sparse":
        graph = graph_of()
        graph.sparse_initializer.add().values.CopyFrom(tensor)
        model = helper.make_model(graph)
    else:
        model = helper.make_model(
            {
                "initializer": graph_of(weight=tensor),
                "constant": graph_of(constant(tensor)),
                "branch": graph_of(branch(graph_of(weight=tensor))),
            }[place]
        )
    assert has_external_data(model.SerializeToString(), "m.onnx") == (tensor is not WEIGHT)


@pytest.mark.parametrize("name", ["model.onnx", "model.int8.onnx"])
def test_the_default_model_is_whole(name: str) -> None:
    """An export from here keeps its weights inside."""
    assert not has_external_data((default_package() / name).read_bytes(), name)


@pytest.mark.parametrize("data", [b"this is no model", b"\xff" * 20, b"\x0a\xff\x01"])
def test_what_is_no_protobuf_is_named(data: bytes) -> None:
    """Text, endless numbers and fields that end behind the file lead to a message."""
    with pytest.raises(ModelInvalid, match=r"m\.onnx: expected an ONNX model"):
        has_external_data(data, "m.onnx")
