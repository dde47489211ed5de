"""The one rule for files that commands write: what is there already is kept, unless asked."""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from cxr_edge.cli import panels
from cxr_edge.errors import UsageError
from cxr_edge.system.printable import first_names

OverwriteOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace what an earlier command wrote there.",
        rich_help_panel=panels.OUTPUT,
    ),
]
"""Whether files that exist are replaced."""

_CHOOSE: Final = "choose another name, or replace with --overwrite"


def check_files(files: Mapping[str, Path | None], *, overwrite: bool) -> None:
    """Check the places of files before any work is done for them.

    Parameters
    ----------
    files
        Option to the file that it names; None for one that is not to be written.
    overwrite
        Whether they may replace files that exist.

    Raises
    ------
    UsageError
        One cannot be written, or exists and is to be kept, or two options name the same.
    """
    named: dict[Path, str] = {}
    for option, file in files.items():
        if file is None:
            continue
        _refuse_stream(option, file)
        if not file.parent.is_dir() or (file.exists() and not file.is_file()):
            raise UsageError(f"{option}: expected a file in a folder that exists, got {file}")
        try:
            with tempfile.TemporaryFile(dir=file.parent):
                pass
        except OSError as exc:
            raise UsageError(
                f"{option}: {file} cannot be written: {exc.strerror}; choose another place"
            ) from exc
        keep_existing(option, [file], overwrite=overwrite)
        other = named.setdefault(file.resolve(), option)
        if other != option:
            raise UsageError(f"{other} and {option}: expected two files, got {file} for both")


def keep_existing(option: str, files: Iterable[Path], *, overwrite: bool) -> None:
    """Refuse to write files that exist, before any work is done for them.

    Raises
    ------
    UsageError
        One exists and is to be kept, or is to be standard output.
    """
    files = list(files)
    for file in files:
        _refuse_stream(option, file)
    there = [] if overwrite else [file for file in files if file.exists()]
    if there:
        exist = "exists" if len(there) == 1 else "exist"
        raise UsageError(f"{option}: {first_names(there)} {exist} already; {_CHOOSE}")


def _refuse_stream(option: str, place: Path) -> None:
    """Raise where ``-`` is given, which other commands take for standard output."""
    if place.parts[:1] == ("-",):
        raise UsageError(
            f"{option}: expected a file or folder, got -, which is standard output; give a path"
        )
