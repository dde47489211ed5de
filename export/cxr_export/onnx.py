"""Keras to ONNX, by tf2onnx."""

from pathlib import Path
from typing import Final

import keras
import onnx
import tensorflow as tf
import tf2onnx

from cxr_edge import __version__
from cxr_edge.artefact import SPEC_KEY
from cxr_edge.errors import ModelError
from cxr_edge.spec import ModelSpec

OPSET: Final = 17
"""tf2onnx refuses 19; at 18 global average pooling becomes an op that int8 leaves in float."""


def export_onnx(model: keras.Model, spec: ModelSpec, path: Path) -> None:
    """Write a Keras model as ONNX with its spec inside.

    The graph takes ``image``, uint8 (batch, H, W, C), and gives ``probability``, float32
    (batch,), with a dynamic batch.

    Parameters
    ----------
    model
        uint8 (N, H, W, C) to float32 (N, 1).
    spec
        Goes into ``metadata_props``.
    path
        The file to write.

    Raises
    ------
    ModelError
        The graph that came out does not pass ONNX's own checker.
    """

    @tf.function(autograph=False)
    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probability": tf.reshape(model(image, training=False), [-1])}

    signature = [tf.TensorSpec((None, *spec.input.shape), tf.uint8, name="image")]
    graph, _ = tf2onnx.convert.from_function(serve, input_signature=signature, opset=OPSET)
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del graph.graph.value_info[:]  # inferred for the unnamed batch dimension
    graph.graph.name = spec.name
    graph.producer_name, graph.producer_version = "cxr-edge", __version__
    graph.doc_string = "P(positive class) of a chest X-ray. Research use only, not a diagnosis."
    metadata = {SPEC_KEY: spec.to_json(), "Image.BitmapPixelFormat": "Gray8"}
    onnx.helper.set_model_props(graph, metadata)
    try:
        onnx.checker.check_model(graph, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as exc:
        raise ModelError(f"{path}: the exported graph is not valid ONNX: {exc}") from exc
    onnx.save(graph, path)
