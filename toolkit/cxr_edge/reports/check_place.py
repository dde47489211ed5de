"""The check that a report or mapping can be written where it is to be."""

import os
from pathlib import Path

from cxr_edge.errors import UsageError
from cxr_edge.reports.append_log import CsvKind


def check_place(kind: CsvKind, path: Path) -> None:
    """Check that a file can be written, before any work is done.

    Raises
    ------
    UsageError
        Its folder is missing or not writable, or it is a folder itself.
    """
    if not path.parent.is_dir():
        raise UsageError(f"{kind.option}: the folder {path.parent} does not exist; make it first")
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "not a regular file"
        raise UsageError(f"{kind.option}: expected a file, but {path} is {what}")
    # The manifest is replaced beside it, so the folder must be writable in any case.
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UsageError(f"{kind.option}: {path} is not writable; choose another place")
