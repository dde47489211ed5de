"""The model that a command names: a package, a file in one, or ``default``."""

from pathlib import Path

from cxr_edge.models.locate import model_path


def find_package(reference: Path) -> tuple[Path, str]:
    """Return a package's folder and the file in it that is meant; no file where all are.

    Parameters
    ----------
    reference
        A package, a file in one, or ``default``; a folder of that name comes first.
    """
    path = reference if reference.exists() else model_path(reference)
    return (path.parent, path.name) if path.is_file() else (path, "")
