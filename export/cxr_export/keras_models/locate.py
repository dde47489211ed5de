"""The Keras file of a model, found without loading Keras."""

from pathlib import Path

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.locate import model_path
from cxr_edge.models.package import ORIGINAL


def keras_file(model: str) -> Path:
    """Return the Keras file of a model, which explanations are made from.

    Parameters
    ----------
    model
        A ``.keras`` or ``.h5`` file, a package with one, or ``default``.

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
            f"{path}: expected {ORIGINAL} in the package, got none; explanations are made from "
            "it. The installed default model comes without it; the repository has it in "
            "toolkit/cxr_edge/models/default: give that folder as MODEL"
        )
    return path / ORIGINAL
