"""The check that a report or mapping can be written where it is to be."""

import os
from contextlib import suppress
from pathlib import Path

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.reports.append_log import CsvKind, is_started
from cxr_edge.reports.manifest import MANIFEST_SUFFIX, manifest_path


def check_place(kind: CsvKind, path: Path) -> None:
    """Check that a file can be written, before any work is done.

    Raises
    ------
    UsageError
        Its folder is missing or not writable, it is a folder itself, or its name is that of a
        manifest, or has the same manifest as another report.
    """
    if not path.parent.is_dir():
        raise UsageError(f"{kind.option}: the folder {path.parent} does not exist; make it first")
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "not a regular file"
        raise UsageError(f"{kind.option}: expected a file, but {path} is {what}")
    if path.name.endswith(MANIFEST_SUFFIX):
        raise UsageError(
            f"{kind.option}: {path} has the name of a run manifest, which would replace it; choose "
            "another name"
        )
    if not path.exists() and (other := _twin(kind, path)):
        raise UsageError(
            f"{kind.option}: {other} is there, and its manifest {manifest_path(path)} would be "
            "replaced; choose another name"
        )
    # The manifest is replaced beside it, so the folder must be writable in any case.
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UsageError(f"{kind.option}: {path} is not writable; choose another place")


def _twin(kind: CsvKind, path: Path) -> Path | None:
    """Return the file with the same manifest, ``report`` beside ``report.csv``, if it is there."""
    name = path.name.removesuffix(".csv")
    twin = path.with_name(name if name != path.name else f"{name}.csv")
    with suppress(ReportError):  # something else
        if name and twin.is_file() and is_started(kind, twin):
            return twin
    return None
