"""The Keras file of a model, found without loading Keras."""

from pathlib import Path

from cxr_edge.errors import ModelInvalid, UsageError
from cxr_edge.models.locate import DEFAULT, model_path
from cxr_edge.models.package import ORIGINAL
from cxr_edge.spec.embedding import SAVED_MODEL, SPEC_MEMBER


def keras_file(model: str | Path, use: str, name: str) -> Path:
    """Return the Keras file of a model.

    Parameters
    ----------
    model
        A ``.keras`` or ``.h5`` file, a package with one, or ``default``.
    use
        Clause on what needs the file, for the message: ``explanations are made from it``.
    name
        Name of the argument that takes the model, for the message.

    Raises
    ------
    ModelInvalid
        The package has none.
    """
    path = model_path(model)
    if not path.is_dir():
        return path
    if not (path / ORIGINAL).is_file():
        raise ModelInvalid(
            f"{path}: expected {ORIGINAL} in the package, got none; {use}. The installed default "
            "model comes without it; the repository has it in toolkit/cxr_edge/models/default: "
            f"give that folder as {name}"
        )
    return path / ORIGINAL


def is_saved_model(path: Path) -> bool:
    """Tell whether a path is a TensorFlow SavedModel folder."""
    return (path / SAVED_MODEL).is_file()


def require_keras_file(path: Path) -> None:
    """Check that a model is a file; a TensorFlow SavedModel is left to who can say more about it.

    Raises
    ------
    UsageError
        It is a name, a folder, or nothing.
    """
    if is_saved_model(path):
        return
    if path.is_dir():
        raise UsageError(f"expected a .keras or .h5 file, got {_advice(path, str(path))}")
    if str(path) == DEFAULT and not path.exists():
        raise UsageError(f"expected a .keras or .h5 file, got {_advice(model_path(path), DEFAULT)}")
    if not path.is_file():
        raise UsageError(f"expected a .keras or .h5 file, {path} does not exist")


def _advice(folder: Path, name: str) -> str:
    """Return what a folder is, and the file to give in its place."""
    what = "the model package" if (folder / SPEC_MEMBER).is_file() else "the folder"
    advice = (
        f"give {folder / ORIGINAL}"
        if (folder / ORIGINAL).is_file()
        else f"it has no {ORIGINAL}; give the file that the model was saved as"
    )
    return f"{what} {name}; {advice}"
