"""A model package: a folder with every artefact, its spec, its card and its checksums."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from cxr_edge.artefact import SPEC_MEMBER, append_spec
from cxr_edge.errors import UsageError
from cxr_edge.evaluation.summary import Summary
from cxr_edge.package import CARD, CHECKSUMS, EVALUATION, ORIGINAL, write_checksums
from cxr_edge.spec import ModelSpec
from cxr_export.card import model_card
from cxr_export.golden import write_selftest
from cxr_export.onnx import export_onnx
from cxr_export.original import load_original
from cxr_export.tflite import export_tflite


def export_package(
    model: Path,
    out: Path,
    spec: ModelSpec | None = None,
    *,
    evaluation: Path | None = None,
    notes: Path | None = None,
) -> ModelSpec:
    """Export a Keras model to every format, as one folder that is there whole or not at all.

    Parameters
    ----------
    model
        A ``.keras`` file.
    out
        The package; must not exist yet, or be an older package, which is replaced.
    spec
        Instead of the one inside the model.
    evaluation
        ``evaluation.json`` of the same model, for the card; it is copied into the package.
    notes
        Markdown for the card: how the model was chosen.

    Returns
    -------
    ModelSpec
        Of the model.

    Raises
    ------
    UsageError
        ``out`` exists and is no package, or its folder is missing; the evaluation is of another
        model; the notes cannot be read.
    DataError
        The evaluation cannot be read.
    ModelError
        The model cannot be loaded or exported.
    """
    parent = out.absolute().parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise UsageError(f"-o: expected an existing folder that can be written, {parent} is none")
    if out.exists() and not (out / CHECKSUMS).is_file() and not _is_empty(out):
        raise UsageError(f"-o: {out} exists and is no model package; choose another name")
    keras_model, exported = load_original(model, spec)
    summary = _read_evaluation(evaluation, model, exported) if evaluation else None
    text = _read_notes(notes) if notes else ""
    with tempfile.TemporaryDirectory(dir=parent, prefix=f".{out.name}-") as scratch:
        package = Path(scratch) / out.name
        package.mkdir()
        if spec is None:
            shutil.copyfile(model, package / ORIGINAL)
        else:
            keras_model.save(package / ORIGINAL, include_optimizer=False)
            append_spec(package / ORIGINAL, exported)
        export_onnx(keras_model, exported, package / "model.onnx")
        export_tflite(keras_model, exported, package / "model.tflite")
        (package / SPEC_MEMBER).write_text(exported.to_json(), encoding="utf-8")
        (package / CARD).write_text(model_card(exported, summary, text), encoding="utf-8")
        if evaluation:
            shutil.copyfile(evaluation, package / EVALUATION)
        write_selftest(package)
        write_checksums(package)
        if out.exists():
            out.rename(Path(scratch) / "replaced")
        package.rename(out)
    return exported


def _read_evaluation(path: Path, model: Path, spec: ModelSpec) -> Summary:
    """Read figures and check that they are of this file and its operating points."""
    found = Summary.read(path)
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    points = [(point.name, point.threshold) for point in found.figures.points]
    wanted = [(point.name, point.threshold) for point in spec.operating_points]
    if not digest.startswith(found.model.rpartition("@")[2]) or points != wanted:
        raise UsageError(
            f"--evaluation: expected figures of {model} ({digest[:12]}) at its operating points, "
            f"{path} is of {found.model}; run 'cxr evaluate {model} DATA'"
        )
    return found


def _read_notes(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as exc:
        raise UsageError(f"--notes: expected a text file, {path} cannot be read: {exc}") from exc


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())
