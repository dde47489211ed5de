"""A folder that takes the files that fail, and the list of them."""

import csv
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.pipeline.outcome import Failure, Outcome
from cxr_edge.reports.append_log import read_rows
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.storage.atomic import atomic_write, open_regular
from cxr_edge.system.printable import printable

LIST: Final = "quarantine.csv"
"""Name of the list in the folder."""

FILES: Final = "files"
"""Folder in the folder, for the files themselves."""

COLUMNS: Final = ("path", "reason", "detail", "sha256")
"""Of the list, as in the report."""


def check_quarantine(folder: Path, paths: Iterable[Path]) -> None:
    """Refuse a folder that the scan would look into.

    Raises
    ------
    UsageError
        It lies in one of the paths, or is no folder.
    """
    place = folder.resolve()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--quarantine: expected a folder, {folder} is none")
    for path in paths:
        if place.is_relative_to(path.resolve()):
            raise UsageError(
                f"--quarantine: expected a folder outside of {path}, {folder} lies in it: its "
                "files would be scanned again"
            )


def take(folder: Path, outcomes: Iterable[Outcome]) -> None:
    """Link the files that failed into ``files/`` in the folder, under their paths in the report.

    A hard link costs no room; across file systems it is a copy. What cannot be read is in the list
    alone. A file that is there already stays.

    Raises
    ------
    ReportError
        The folder cannot be written to.
    """
    for failure in outcomes:
        if not isinstance(failure, Failure) or not failure.file:
            continue
        target = folder / FILES / failure.path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(target):
                _place(Path(failure.file), target)
        except OSError as exc:
            raise ReportError(
                f"--quarantine: {printable(str(target))} cannot be written: {exc.strerror}; make "
                "room, or choose another folder, and run the same command again"
            ) from exc


def _place(source: Path, target: Path) -> None:
    try:
        file = open_regular(source)
    except OSError:  # it cannot be read, which is why it failed
        return
    with file:
        try:
            os.link(source.resolve(), target)
        except OSError:  # another file system, or one without links
            with atomic_write(target) as half, half.open("wb") as copy:
                shutil.copyfileobj(file, copy)


def write_list(folder: Path, report: Path) -> None:
    """Write the list of all files that failed in a report, those of earlier runs too.

    Raises
    ------
    ReportError
        It cannot be written.
    """
    rows = read_rows(REPORT, report)
    next(rows, None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            atomic_write(folder / LIST) as half,
            half.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for row, _ in rows:
                values = REPORT.named(row)
                if values["status"] == "failed":
                    writer.writerow([values[column] for column in COLUMNS])
    except OSError as exc:
        raise ReportError(f"--quarantine: the list cannot be written: {exc.strerror}") from exc
