"""A report on standard output: the sink that copies rows there, and the file that they come from.

A scan that goes to standard output has a report all the same, in a folder for temporary files: its
process may be replaced after a crash, and the next one must know which rows were written.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cxr_edge.errors import ReportError
from cxr_edge.reports.manifest import Manifest
from cxr_edge.reports.sink import RunResult

STDOUT: Final = Path("-")
"""Value of ``--out`` that stands for standard output."""

_COPIED: Final = "copied"
"""Name of the file beside the temporary report that says how many bytes were copied."""

_CHUNK: Final = 1 << 20


@contextmanager
def report_at(out: Path, token: str) -> Iterator[Path]:
    """Keep a temporary report where one goes to standard output.

    Parameters
    ----------
    out
        Value of ``--out``.
    token
        Name of the command, the same for a process that follows after a crash.

    Yields
    ------
    Path
        Report to write: ``out`` itself, or a temporary one that is removed afterwards.

    Raises
    ------
    ReportError
        There is no place for it.
    """
    if out != STDOUT:
        yield out
        return
    folder = Path(tempfile.gettempdir()) / f"cxr-scan-{token}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        raise ReportError(
            f"{folder} cannot be made for rows on their way to standard output: {exc.strerror}; "
            "set TMPDIR to a folder that can be written to"
        ) from exc
    try:
        yield folder / "report.csv"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class StandardOutput:
    """The sink that copies the report to standard output, row by row as it grows."""

    def __init__(self, report: Path, descriptor: int) -> None:
        """Copy ``report``, of :func:`report_at`, to an open file."""
        self._report = report
        self._copied = report.with_name(_COPIED)
        self._descriptor = descriptor

    def begin(self, manifest: Manifest) -> None:  # noqa: ARG002  (the rows are in the report)
        """Copy what an earlier process left, or the header; raises as :meth:`write`."""
        self._copy()

    def write(self, outcomes: Sequence[object]) -> None:  # noqa: ARG002
        """Copy the new rows.

        Raises
        ------
        BrokenPipeError
            Nobody reads any more.
        ReportError
            Standard output cannot be written.
        """
        self._copy()

    def close(self, result: RunResult) -> None:
        """Do nothing: all is copied."""

    def _copy(self) -> None:
        self._copied.touch()
        with self._report.open("rb") as report, self._copied.open("rb+") as copied:
            done = int(copied.read() or 0)
            report.seek(done)
            while chunk := report.read(_CHUNK):
                done += self._write(chunk)
                os.pwrite(copied.fileno(), b"%d" % done, 0)  # it only grows, so nothing is left
                report.seek(done)

    def _write(self, chunk: bytes) -> int:
        try:
            return os.write(self._descriptor, chunk)
        except BrokenPipeError:
            raise
        except OSError as exc:
            raise ReportError(f"standard output cannot be written: {exc.strerror}") from exc


def stdout_descriptor() -> int:
    """Return the number of standard output.

    Raises
    ------
    ReportError
        It is closed: the number may be another file's by now.
    """
    try:
        return sys.stdout.fileno()
    except (AttributeError, OSError) as exc:  # None, or no file
        raise ReportError("standard output is closed; give --out a file") from exc
