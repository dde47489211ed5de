"""Keras to TFLite, by the LiteRT exporter of Keras."""

from pathlib import Path

import keras
from tensorflow.lite.python.convert_phase import ConverterError

from cxr_edge.errors import ModelError
from cxr_edge.runtimes.base import MAP, PROBABILITY
from cxr_edge.spec.embedding import append_spec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.system.printable import first_line


def export_tflite(model: keras.Model, spec: ModelSpec, path: Path) -> None:
    """Write a Keras model as TFLite fp32 with its spec appended.

    Parameters
    ----------
    model
        uint8 (N, H, W, C) to float32 (N, 1), or to this and a heat map, float32 (N, h, w); the
        batch stays dynamic. Two outputs are called ``probability`` and ``map`` in the signature.
    spec
        Spec of the model, appended to the flatbuffer as the zip member ``spec.json``.
    path
        The file to write, ending in ``.tflite``.

    Raises
    ------
    ModelError
        An operation has no counterpart in TFLite.
    """
    if len(model.outputs) > 1:
        model = keras.Model(
            model.inputs[0],
            dict(zip((PROBABILITY, MAP), model.outputs, strict=True)),
            name=model.name,
        )
    try:
        model.export(path, format="litert", verbose=False)
    except (ConverterError, RuntimeError, ValueError) as exc:
        lines = [line for line in str(exc).splitlines() if "error:" in line or "tf." in line]
        reason = lines[0].strip() if lines else first_line(exc)
        raise ModelError(f"{path.name}: TFLite cannot hold this network: {reason}") from exc
    append_spec(path, spec)
