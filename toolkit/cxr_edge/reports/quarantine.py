"""The folder that takes copies of the files that fail, and the list of them."""

import csv
import os
import shutil
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from cxr_edge.errors import ImageError, ReportError, UsageError
from cxr_edge.pipeline.outcome import Failure
from cxr_edge.reports.append_log import read_rows
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.manifest import Manifest
from cxr_edge.reports.sink import RunResult
from cxr_edge.storage.atomic import atomic_write
from cxr_edge.storage.read_file import read_file
from cxr_edge.system.printable import printable

LIST: Final = "quarantine.csv"
"""Name of the list in the folder."""

FILES: Final = "files"
"""Name of the folder in the folder that has the copies."""

COLUMNS: Final = ("path", "reason", "detail", "sha256")
"""Columns of the list, with values as in the report."""


def check_quarantine(folder: Path, paths: Iterable[str | Path], report: Path) -> None:
    """Refuse a folder that the scan would look into, or in which the report would be replaced.

    Raises
    ------
    UsageError
        It lies in one of the paths, is not a folder, or the report stands where the list or a copy
        is to be.
    """
    place = folder.resolve()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--quarantine: expected a folder, but {folder} is a file")
    if report.resolve() == place / LIST or report.resolve().is_relative_to(place / FILES):
        raise UsageError(
            f"--quarantine: the list and the copies in {folder} would replace the report {report}; "
            "choose another --out"
        )
    for path in paths:
        if place.is_relative_to(Path(path).resolve()):
            raise UsageError(
                f"--quarantine: {folder} is inside {path}, so its files would be scanned again; "
                "choose a folder outside of it"
            )


class Quarantine:
    """The sink that copies files that failed, under their paths in the report.

    A file that cannot be read is in the list alone. A copy that is there already stays. They are
    copies, not links: whoever mends a quarantined file leaves the original as it is.
    """

    def __init__(self, folder: Path, report: Path) -> None:
        """Copy into ``folder``, and list what failed in ``report``."""
        self._folder = folder
        self._report = report

    def begin(self, manifest: Manifest) -> None:
        """Do nothing: the folder is made for the first file that fails."""

    def write(self, outcomes: Sequence[object]) -> None:
        """Copy the files that failed.

        Raises
        ------
        ReportError
            The folder cannot be written to.
        """
        for failure in outcomes:
            if not isinstance(failure, Failure) or not failure.file:
                continue
            target = self._folder / FILES / failure.path
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                if not os.path.lexists(target):
                    _copy(failure, target)
            except OSError as exc:
                raise ReportError(
                    f"--quarantine: {printable(str(target))} cannot be written: {exc.strerror}; "
                    "make room, or choose another folder, and run the same command again"
                ) from exc

    def close(self, result: RunResult) -> None:  # noqa: ARG002  (also of a run that was stopped)
        """Write the list of all files that failed in the report, in earlier runs too.

        Raises
        ------
        ReportError
            The list cannot be written.
        """
        if not self._report.exists():  # the run stopped before its first row
            return
        rows = read_rows(REPORT, self._report)
        next(rows, None)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (
                atomic_write(self._folder / LIST) as half,
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


def _copy(failure: Failure, target: Path) -> None:
    try:
        file = _opened(failure)
    except (OSError, ImageError):  # it cannot be read, which is why it failed
        return
    with file, atomic_write(target) as half, half.open("wb") as copy:
        shutil.copyfileobj(file, copy)


def _opened(failure: Failure) -> BinaryIO:
    """Open a file; one that is elsewhere is read, unless it is too large: a bomb is not kept."""
    if failure.storage.is_local:
        return failure.storage.open(failure.file)
    return BytesIO(read_file(failure.file, failure.storage))
