"""The model that a command names: a package, a file in one, or ``default``."""

from pathlib import Path
from typing import TypeVar

import typer

from cxr_edge.cli.existing import nothing_at

M = TypeVar("M", bound=Path | str | None)


def place_of(reference: Path | str) -> Path:
    """Return the path of a model by its name or path; a file or folder of that name comes first."""
    from cxr_edge.models.locate import model_path

    path = Path(reference)
    return path if path.exists() else model_path(reference)


def find_package(reference: Path) -> tuple[Path, str]:
    """Return a package's folder and the file in it that is meant; no file where all are.

    Parameters
    ----------
    reference
        A package, a file in one, or ``default``; a folder of that name comes first.
    """
    path = place_of(reference)
    return (path.parent, path.name) if path.is_file() else (path, "")


def existing_model(param: typer.CallbackParam, value: M) -> M:
    """Return what a user gave as a model, if there is something at that path.

    A callback of eager parameters, so that a misspelt path is told before options that are missing.

    Raises
    ------
    UsageError
        Nothing is there.
    """
    if value is not None and not place_of(value).exists():
        raise nothing_at(param, value)
    return value
