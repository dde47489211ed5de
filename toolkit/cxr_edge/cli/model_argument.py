"""The model that a command names: a package, a file in one, or ``default``."""

from pathlib import Path
from typing import TypeVar

import typer

from cxr_edge.errors import UsageError

M = TypeVar("M", bound=Path | str | None)


def find_package(reference: Path) -> tuple[Path, str]:
    """Return a package's folder and the file in it that is meant; no file where all are.

    Parameters
    ----------
    reference
        A package, a file in one, or ``default``; a folder of that name comes first.
    """
    from cxr_edge.models.locate import model_path

    path = reference if reference.exists() else model_path(reference)
    return (path.parent, path.name) if path.is_file() else (path, "")


def existing_model(param: typer.CallbackParam, value: M) -> M:
    """Return what a user gave as a model, if there is something at that path.

    A callback of eager parameters, so that a misspelt path is told before options that are missing.

    Raises
    ------
    UsageError
        Nothing is there.
    """
    from cxr_edge.models.locate import model_path

    if value is not None and not (Path(value).exists() or model_path(value).exists()):
        name = (
            param.opts[0]
            if param.opts[0].startswith("-")
            else param.human_readable_name.strip("[]")
        )
        raise UsageError(f"{name}: {value} does not exist; check the spelling")
    return value
