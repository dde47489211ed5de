"""Keras to TFLite, by the LiteRT exporter of Keras."""

from collections.abc import Sequence
from pathlib import Path

import keras
from tensorflow.lite.python.convert_phase import ConverterError

from cxr_edge.errors import ModelError
from cxr_edge.runtimes.base import PROBABILITY
from cxr_edge.spec.embedding import append_spec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.system.printable import first_line


def export_tflite(
    model: keras.Model, spec: ModelSpec, path: Path, beside: Sequence[str] = ()
) -> None:
    """Write a Keras model as TFLite fp32 with its spec appended.

    Parameters
    ----------
    model
        uint8 (N, H, W, C) to float32 (N, 1), or to this and others; the batch stays dynamic.
        Several outputs have their names in the signature, the first is ``probability``.
    spec
        Spec of the model, appended to the flatbuffer as the zip member ``spec.json``.
    path
        The file to write, ending in ``.tflite``.
    beside
        Names of the other outputs, in the model's order.

    Raises
    ------
    ModelError
        An operation has no counterpart in TFLite.
    """
    if beside:
        model = keras.Model(
            model.inputs[0],
            dict(zip((PROBABILITY, *beside), model.outputs, strict=True)),
            name=model.name,
        )
    try:
        model.export(path, format="litert", verbose=False)
    except (ConverterError, RuntimeError, ValueError) as exc:
        lines = [line for line in str(exc).splitlines() if "error:" in line or "tf." in line]
        reason = lines[0].strip() if lines else first_line(exc)
        raise ModelError(f"{path.name}: TFLite cannot hold this network: {reason}") from exc
    append_spec(path, spec)
