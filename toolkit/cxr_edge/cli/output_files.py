"""The one rule for files that commands write: what is there already is kept, unless asked."""

import tempfile
from collections.abc import Iterable
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


def check_file(option: str, file: Path, *, overwrite: bool) -> None:
    """Check the place of a file before any work is done for it.

    Parameters
    ----------
    option
        Option that names the file, for messages.
    file
        File to be written.
    overwrite
        Whether it may replace one that exists.

    Raises
    ------
    UsageError
        It cannot be written, or exists and is to be kept.
    """
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


def keep_existing(option: str, files: Iterable[Path], *, overwrite: bool) -> None:
    """Refuse to write files that exist, before any work is done for them.

    Raises
    ------
    UsageError
        One exists and is to be kept.
    """
    there = [] if overwrite else [file for file in files if file.exists()]
    if there:
        exist = "exists" if len(there) == 1 else "exist"
        raise UsageError(f"{option}: {first_names(there)} {exist} already; {_CHOOSE}")
