"""The spec inside an artefact: the place that each format has for it."""

import io
import zipfile
from pathlib import Path
from typing import Final

from cxr_edge.errors import ModelInvalid, SpecMissing
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.storage.bounded import MAX_JSON, open_archive, read_member

SPEC_KEY: Final = "cxr_edge.spec"
"""Key of the spec's JSON in an ONNX model's ``metadata_props``."""

SPEC_MEMBER: Final = "spec.json"
"""Name of the spec's member in the zip of a ``.keras`` or at the end of a ``.tflite``."""

KERAS_SUFFIXES: Final = (".keras", ".h5", ".hdf5")
"""Suffixes of files with a Keras model."""

SAVED_MODEL: Final = "saved_model.pb"
"""Name of the file that makes a folder a TensorFlow SavedModel."""


def append_spec(path: Path, spec: ModelSpec) -> None:
    """Put ``spec`` into a ``.keras`` archive, or behind a ``.tflite`` flatbuffer, as a zip member.

    Interpreters ignore what follows the flatbuffer; Keras ignores a member it does not know.
    """
    member = zipfile.ZipInfo(SPEC_MEMBER, date_time=(1980, 1, 1, 0, 0, 0))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, spec.to_json())


def read_appended_spec(data: bytes, source: str) -> ModelSpec:
    """Read the spec that :func:`append_spec` put into the file with these bytes.

    Raises
    ------
    SpecMissing
        There is none.
    ModelInvalid
        The archive is damaged, leads out of itself or is a decompression bomb.
    """
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise spec_missing(source)
    try:
        with open_archive(io.BytesIO(data)) as archive:
            text = read_member(archive, SPEC_MEMBER, MAX_JSON)
    except KeyError as exc:
        raise spec_missing(source) from exc
    except ValueError as exc:
        raise ModelInvalid(f"{source}: its spec cannot be read ({exc}); export it again") from exc
    return ModelSpec.from_json(text)


def spec_missing(source: str) -> SpecMissing:
    """Return the error for a model without a spec, worded the same for every format."""
    return SpecMissing(
        f"{source}: expected a model with a cxr-edge spec inside, got one without; "
        "export it with 'cxr export', or describe it with --spec spec.json"
    )
