"""Probes of artefacts by suffix, one for each library."""

from pathlib import Path

from cxr_edge.errors import UsageError
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.parity.activations.probe import Probe


def open_probe(path: Path, spec: ModelSpec | None = None) -> Probe:
    """Open an artefact by its suffix: ``.keras``, ``.onnx`` or ``.tflite``.

    Parameters
    ----------
    path
        The artefact.
    spec
        Spec of a ``.keras`` file, in place of the one inside; the others need none.

    Raises
    ------
    UsageError
        There is no such file, or it has another suffix.
    ModelInvalid
        It cannot be loaded.
    SpecMissing, SpecInvalid, SpecUnknown
        A ``.keras`` file without a usable spec, and none given.
    """
    if not path.is_file():
        raise UsageError(f"expected an artefact, {path} does not exist")
    match path.suffix:
        case ".keras":
            from cxr_export.parity.activations.keras import KerasProbe

            return KerasProbe(path, spec)
        case ".onnx":
            from cxr_export.parity.activations.onnx import OnnxProbe

            return OnnxProbe(path)
        case ".tflite":
            from cxr_export.parity.activations.litert import LiteRtProbe

            return LiteRtProbe(path)
    raise UsageError(f"{path}: expected a .keras, .onnx or .tflite file, got another suffix")
