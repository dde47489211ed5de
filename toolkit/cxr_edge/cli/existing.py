"""The check that what a command is to read is there, made before anything is loaded."""

import os
from pathlib import Path
from typing import Any, TypeVar

import typer

from cxr_edge.cli.path_text import PathText
from cxr_edge.errors import UsageError
from cxr_edge.storage.place import storage_of

P = TypeVar("P", bound=Path | list[Path] | list[PathText] | None)


def existing(param: typer.CallbackParam, value: P) -> P:
    """Return the paths that a user gave, if there is something at each of them.

    A callback of parameters, which runs before the command does.

    Raises
    ------
    UsageError
        Nothing is at one of them.
    """
    for path in value if isinstance(value, list) else [value]:
        if path is None or not storage_of(str(path)).is_local:  # the command asks who has it
            continue
        if not os.path.exists(path):  # noqa: PTH110  (Path raises for a name that is too long)
            raise nothing_at(param, path)
    return value


def existing_folder(param: typer.CallbackParam, value: Path | None) -> Path | None:
    """Return the folder that a user gave; raises UsageError also where a file is in its place."""
    folder = existing(param, value)
    if folder is not None and not folder.is_dir():
        raise UsageError(f"{param.opts[0]}: expected a folder, got the file {folder}")
    return folder


def nothing_at(param: typer.CallbackParam, path: Path | str) -> UsageError:
    """Return the error of a path at which there is nothing, named as the user gave it."""
    return UsageError(f"{named(param)}: {path} does not exist; check the spelling")


def named(param: Any) -> str:  # Any: typer keeps the class of options to itself
    """Return the name of an option or argument, as the help shows it."""
    word: str = param.opts[0]
    return word if word.startswith("-") else param.human_readable_name.strip("[].")
