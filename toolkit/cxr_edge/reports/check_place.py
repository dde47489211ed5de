"""The checks that a report, or what is made of it, can be written where it is to be."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.reports.append_log import CsvKind, is_started
from cxr_edge.reports.manifest import MANIFEST_SUFFIX, manifest_path
from cxr_edge.storage.archive_kind import TAR, ZIP

_NOT_CSV: Final = (ZIP, *TAR, ".7z", ".gz", ".jsonl", ".parquet", ".rar", ".xlsx")
"""Suffixes of what a CSV file would be mistaken for."""


def check_place(kind: CsvKind, path: Path) -> None:
    """Check that a file can be written, before any work is done.

    Raises
    ------
    UsageError
        Its folder is missing or not writable, it is a folder itself, or its name is that of an
        archive, a table or a manifest, or has the same manifest as another report.
    """
    if not path.parent.is_dir():
        raise UsageError(f"{kind.option}: the folder {path.parent} does not exist; make it first")
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "not a regular file"
        raise UsageError(f"{kind.option}: expected a file, but {path} is {what}")
    if not path.exists() and path.name.lower().endswith(_NOT_CSV):
        raise UsageError(
            f"{kind.option}: a {kind.name} is a CSV file, got {path}; choose a name that ends in "
            ".csv"
        )
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


def check_folder(
    option: str, folder: Path, paths: Iterable[str | Path], report: Path | None, content: str
) -> None:
    """Refuse a folder that cannot be where it is to be, or that a scan would look into.

    Parameters
    ----------
    option
        Option that names it, for messages.
    folder
        The folder; it need not be there.
    paths
        Folders and files that are scanned.
    report
        Path of the report; None where there is none.
    content
        Name of what the folder is for, for messages: ``pictures``.

    Raises
    ------
    UsageError
        It lies in one of the paths, cannot be written, or the report is in it.
    """
    place = folder.resolve()
    if report and report.resolve().is_relative_to(place):
        raise UsageError(f"{option}: the report {report} is inside {folder}; choose another folder")
    for path in paths:
        if place.is_relative_to(Path(path).resolve()):
            raise UsageError(
                f"{option}: {folder} is inside {path}, so its {content} would be scanned; choose "
                "a folder outside of it"
            )
    there = next(above for above in (place, *place.parents) if os.path.lexists(above))
    if not there.is_dir():
        raise UsageError(f"{option}: expected a folder, but {there} is a file; choose another")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"{option}: {there} is not writable; choose another folder")


def _twin(kind: CsvKind, path: Path) -> Path | None:
    """Return the file with the same manifest, ``report`` beside ``report.csv``, if it is there."""
    name = path.name.removesuffix(".csv")
    twin = path.with_name(name if name != path.name else f"{name}.csv")
    with suppress(ReportError):  # something else
        if name and twin.is_file() and is_started(kind, twin):
            return twin
    return None
