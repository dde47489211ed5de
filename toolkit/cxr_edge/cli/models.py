"""Opening whatever model a command was given, Keras models among them."""

import hashlib
from pathlib import Path

from cxr_edge.errors import MissingExtra, UsageError, missing_module
from cxr_edge.model import AUTO, Model, open_model, read_spec_file


def open_any(reference: str, runtime: str = AUTO, spec_file: Path | None = None) -> Model:
    """Open a package, an artefact or a ``.keras`` file.

    Raises
    ------
    MissingExtra
        A ``.keras`` file is given and Keras is not installed.
    UsageError
        A runtime is asked for that does not run ``.keras`` files; as
        :func:`cxr_edge.model.open_model`.
    ModelError
        As there.
    """
    path = Path(reference)
    if path.suffix.lower() != ".keras":
        return open_model(reference, runtime, spec_file=spec_file)
    if runtime != AUTO:
        raise UsageError(f"--runtime: expected auto for a .keras file, came {runtime!r}")
    try:
        from cxr_export.original import KerasRuntime, load_original
    except ModuleNotFoundError as exc:
        if (missing := missing_module(exc)) not in ("keras", "tensorflow"):
            raise
        raise MissingExtra("a .keras model", "train", missing) from exc
    loaded, spec = load_original(path, read_spec_file(spec_file) if spec_file else None)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Model(digest, "keras", KerasRuntime(loaded, spec))
