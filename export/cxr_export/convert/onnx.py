"""Keras to ONNX, by tf2onnx."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from cxr_edge import __version__
from cxr_edge.errors import ModelError
from cxr_edge.runtimes.base import PROBABILITY
from cxr_edge.spec.embedding import SPEC_KEY
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.system.printable import first_line

OPSET: Final = 17
"""tf2onnx refuses 19; at 18 global average pooling becomes an op that int8 leaves in float."""

_NUMBERED: Final = re.compile(r"__\d+(:\d+)?$")
"""Suffix with which tf2onnx makes a name unique: a count that differs from run to run."""


def export_onnx(
    model: keras.Model, spec: ModelSpec, path: Path, beside: Sequence[str] = ()
) -> None:
    """Write a Keras model as ONNX with its spec inside.

    The graph takes ``image``, uint8 (batch, H, W, C), and gives ``probability``, float32
    (batch,), with a dynamic batch; and the model's other outputs by their names. The same model
    gives the same answers; tf2onnx chooses the names of equal nodes, and their order, anew.

    Parameters
    ----------
    model
        uint8 (N, H, W, C) to float32 (N, 1), or to this and others.
    spec
        Spec of the model, written to ``metadata_props``.
    path
        The file to write.
    beside
        Names of the other outputs, in the model's order.

    Raises
    ------
    ModelError
        tf2onnx fails on the network, or its graph does not pass ONNX's own checker.
    """

    @tf.function(autograph=False)
    def serve(image: tf.Tensor) -> list[tf.Tensor]:
        given = model(image, training=False)
        probability, *others = given if isinstance(given, list) else [given]
        return [tf.reshape(probability, [-1]), *others]

    image = tf.TensorSpec((None, *spec.input.shape), tf.uint8, name="image")
    graph = _converted(path.name, serve, image, (PROBABILITY, *beside))
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del graph.graph.value_info[:]  # inferred for the unnamed batch dimension
    rename(graph.graph)
    graph.graph.name, graph.graph.doc_string = spec.name, ""  # tf2onnx counts its runs there
    graph.producer_name, graph.producer_version = "cxr-edge", __version__
    graph.doc_string = "P(positive class) of a chest X-ray. Research use only, not a diagnosis."
    save_onnx(graph, spec, path)


def _converted(
    name: str, serve: Any, image: tf.TensorSpec, outputs: Sequence[str]
) -> onnx.ModelProto:
    """Return the graph of a function from an image to named outputs, with all weights inside.

    A tensor that the network holds beside its variables, such as a mean to be subtracted, is a
    constant of the graph as they are.

    Raises
    ------
    ModelError
        tf2onnx fails on the network.
    """
    frozen = convert_variables_to_constants_v2(
        serve.get_concrete_function(image), lower_control_flow=False, aggressive_inlining=True
    )
    (taken,), given = frozen.inputs, frozen.outputs
    names = {output.name: name for output, name in zip(given, outputs, strict=True)}
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # tf2onnx calls what TensorFlow has deprecated
    try:
        graph: onnx.ModelProto
        graph, _ = tf2onnx.convert.from_graph_def(
            frozen.graph.as_graph_def(add_shapes=True),
            input_names=[taken.name],
            output_names=list(names),
            tensors_to_rename={taken.name: "image", **names},
            custom_op_handlers={"Erfc": (_erfc, [])},
            opset=OPSET,
        )
    except Exception as exc:  # it raises anything
        raise ModelError(f"{name}: ONNX cannot hold this network: {first_line(exc)}") from exc
    finally:
        logger.setLevel(level)
    return graph


def _erfc(context: Any, node: Any, name: str, _: object) -> Any:
    """Convert TensorFlow's Erfc, which GELU ends in and ONNX lacks, to 1 - Erf."""
    dtype = tf2onnx.utils.map_onnx_to_numpy_type(context.get_dtype(node.output[0]))
    one = context.make_const(f"{name}/one", np.array(1, dtype))
    node.type = "Erf"
    given: str = node.output[0]
    inputs = [one.output[0], given]
    return context.insert_new_node_on_output("Sub", given, f"{name}/complement", inputs=inputs)


def save_onnx(graph: onnx.ModelProto, spec: ModelSpec, path: Path) -> None:
    """Check a graph, infer its shapes and write it with its spec inside.

    Raises
    ------
    ModelError
        It does not pass ONNX's own checker.
    """
    metadata = {SPEC_KEY: spec.to_json(), "Image.BitmapPixelFormat": "Gray8"}
    onnx.helper.set_model_props(graph, metadata)
    try:
        graph = onnx.shape_inference.infer_shapes(graph, strict_mode=True)
        onnx.checker.check_model(graph, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as exc:
        raise ModelError(f"{path.name}: the exported graph is not valid ONNX: {exc}") from exc
    path.write_bytes(graph.SerializeToString(deterministic=True))


def needed_for(graph: onnx.GraphProto, output: str) -> set[str]:
    """Return the tensors that an output of a graph depends on, and the output itself."""
    needed = {output}
    for node in reversed(graph.node):
        if not needed.isdisjoint(node.output):
            needed.update(node.input)
    return needed


def rename(graph: onnx.GraphProto) -> None:
    """Name nodes, tensors and weights after their layers, the same in every run.

    A node that tf2onnx has merged is named after the last of its weights, which belongs to the last
    of the merged layers: a convolution with a batch norm folded in is named after the norm.
    """
    weights = {weight.name: weight for weight in graph.initializer}
    kept = {value.name for value in (*graph.input, *graph.output)}
    names = {name: name for name in kept}
    taken = set(kept)

    def unique(name: str) -> str:
        candidates = (name, *(f"{name}_{number}" for number in range(2, len(taken) + 3)))
        chosen = next(candidate for candidate in candidates if candidate not in taken)
        taken.add(chosen)
        return chosen

    ordered: list[onnx.TensorProto] = []
    for node in graph.node:
        inside = [name for name in node.input if name in weights]
        if _NUMBERED.sub("", node.name) == node.op_type and inside:
            node.name = inside[-1].removesuffix(":0").rpartition("/")[0]
        node.name = unique(_NUMBERED.sub("", node.name) or node.op_type)
        for position, name in enumerate(node.input):
            if name in weights and name not in names:
                names[name] = unique(f"{node.name}/weight{position}")
                weights[name].name = names[name]
                ordered.append(weights[name])
        for position, name in enumerate(node.output):
            if name not in names:
                names[name] = unique(f"{node.name}:{position}")
        _replace(node.input, names)
        _replace(node.output, names)
    del graph.initializer[:]
    graph.initializer.extend(ordered)


def _replace(field: "list[str]", names: dict[str, str]) -> None:
    field[:] = [names.get(name, name) for name in field]
