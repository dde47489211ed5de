"""Wrap an exported network so that ultralytics runs it: python yolo_graph.py MODEL WRAPPED.

Ultralytics gives RGB floats from 0 to 1, channels first, and wants a probability for each class.
"""

import sys

import onnx
from onnx import compose, helper, parser

BEFORE = """
<ir_version: {ir}, opset_import: ["": {opset}]>
before (float[batch, 3, {side}, {side}] images) => (uint8[batch, {side}, {side}, 1] pixels)
<float scale = {{255.0}}> {{
    gray = ReduceMean <axes = [1], keepdims = 1> (images)
    scaled = Mul (gray, scale)
    whole = Round (scaled)
    bytes = Cast <to = 2> (whole)
    pixels = Transpose <perm = [0, 2, 3, 1]> (bytes)
}}
"""
AFTER = """
<ir_version: {ir}, opset_import: ["": {opset}]>
after (float[batch] positive) => (float[batch, 2] output0)
<float one = {{1.0}}, int64[2] column = {{-1, 1}}> {{
    second = Reshape (positive, column)
    first = Sub (one, second)
    output0 = Concat <axis = 1> (first, second)
}}
"""


def main(file: str, wrapped: str) -> None:
    """Wrap and save."""
    model = onnx.load(file)
    versions = {"ir": model.ir_version, "opset": model.opset_import[0].version}
    side = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    before = parser.parse_model(BEFORE.format(**versions, side=side))
    after = parser.parse_model(AFTER.format(**versions))
    del model.metadata_props[:]
    entry, end = model.graph.input[0].name, model.graph.output[0].name
    whole = compose.merge_models(before, model, io_map=[("pixels", entry)], prefix2="network_")
    io_map = [(f"network_{end}", "positive")]
    whole = compose.merge_models(whole, after, io_map=io_map, outputs=["output0"])
    helper.set_model_props(
        whole,
        {
            "task": "classify", "imgsz": f"[{side}, {side}]", "stride": "1", "batch": "16",
            "channels": "3", "names": "{0: 'NORMAL', 1: 'PNEUMONIA'}", "args": "{'dynamic': True}",
        },
    )  # fmt: skip
    onnx.checker.check_model(whole, full_check=True)
    onnx.save(whole, wrapped)


if __name__ == "__main__":
    main(*sys.argv[1:])
