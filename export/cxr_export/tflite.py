"""Keras to TFLite, by the LiteRT exporter of Keras."""

from pathlib import Path

import keras

from cxr_edge.artefact import append_spec
from cxr_edge.spec import ModelSpec


def export_tflite(model: keras.Model, spec: ModelSpec, path: Path) -> None:
    """Write a Keras model as TFLite fp32 with its spec appended.

    Parameters
    ----------
    model
        uint8 (N, H, W, C) to float32 (N, 1); the batch stays dynamic.
    spec
        Becomes the zip member ``spec.json`` behind the flatbuffer.
    path
        The file to write, ending in ``.tflite``.
    """
    model.export(path, format="litert", verbose=False)
    append_spec(path, spec)
