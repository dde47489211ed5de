"""Opening whatever model a command was given, those that TensorFlow runs among them."""

import hashlib
import importlib
from pathlib import Path

from cxr_edge.errors import UsageError
from cxr_edge.extras import needs_extra
from cxr_edge.models.locate import model_path, read_spec_file
from cxr_edge.models.model import Model
from cxr_edge.models.open import open_model
from cxr_edge.models.registry import AUTO, KERAS_OPENER
from cxr_edge.spec.embedding import KERAS_SUFFIXES, SAVED_MODEL


def find_package(reference: Path) -> tuple[Path, str]:
    """Return a package's folder and the file in it that is meant; no file where all are.

    Parameters
    ----------
    reference
        A package, a file in one, or ``default``; a folder of that name comes first.
    """
    path = reference if reference.exists() else model_path(reference)
    return (path.parent, path.name) if path.is_file() else (path, "")


def open_any(reference: str, runtime: str = AUTO, spec_file: Path | None = None) -> Model:
    """Open a package, an artefact, a ``.keras`` or ``.h5`` file or a SavedModel folder.

    Raises
    ------
    MissingExtra
        Keras is to run it and is not installed.
    UsageError
        A runtime is asked for that does not run it; as :func:`cxr_edge.models.open.open_model`.
    ModelError
        As there.
    """
    path = Path(reference)
    is_folder = (path / SAVED_MODEL).is_file()
    if path.suffix.lower() not in KERAS_SUFFIXES and not is_folder:
        return open_model(reference, runtime, spec_file=spec_file)
    kind = "SavedModel" if is_folder else f"{path.suffix} file"
    if runtime != AUTO:
        raise UsageError(f"--runtime: expected auto for a {kind}, got {runtime!r}")
    with needs_extra(f"a {kind}", "train"):
        open_reference = importlib.import_module(KERAS_OPENER).open_reference
    opened = open_reference(path, read_spec_file(spec_file) if spec_file else None)
    return Model(_digest(path), "tensorflow" if is_folder else "keras", opened)


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of the list of a folder's files with theirs."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    files = sorted(file for file in path.rglob("*") if file.is_file())
    listed = "".join(f"{_digest(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()
