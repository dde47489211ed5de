"""The CSV report: written in batches, readable after any interruption."""

import csv
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self, TextIO

from cxr_edge.errors import ReportError
from cxr_edge.manifest import Counts, manifest_path
from cxr_edge.outcome import Failure, Outcome, Prediction
from cxr_edge.spec import PROBABILITY_DECIMALS
from cxr_edge.text import printable

COLUMNS: Final = (
    "path",
    "status",
    "label",
    "probability",
    "threshold",
    "flags",
    "reason",
    "detail",
    "width",
    "height",
    "format",
    "sha256",
    "model",
)
"""Header of the report."""

SYNC_EVERY: Final = 5.0
"""Seconds after which rows are on the disk: what a power failure can cost at most."""


def row_of(outcome: Outcome, model: str) -> tuple[str, ...]:
    """Return the report's row for an outcome, in the order of :data:`COLUMNS`."""
    path = printable(outcome.path)
    match outcome:
        case Prediction(sha256=sha256, source=source):
            return (
                path,
                "ok",
                outcome.label,
                f"{outcome.probability:.{PROBABILITY_DECIMALS}f}",
                f"{outcome.threshold:.{PROBABILITY_DECIMALS}f}",
                ";".join(source.flags),
                "",
                "",
                str(source.width),
                str(source.height),
                source.format,
                sha256,
                model,
            )
        case Failure(sha256=sha256, reason=reason, detail=detail):
            detail = printable(" ".join(detail.split()))
            return (path, "failed", "", "", "", "", reason, detail, "", "", outcome.format, sha256, model)  # fmt: skip  # noqa: E501


def named(row: Sequence[str]) -> dict[str, str]:
    """Return a row's values by column."""
    return dict(zip(COLUMNS, row, strict=True))


class CsvReport:
    """An append-only CSV file that is its own journal."""

    def __init__(self, file: TextIO, model: str, counts: Counts) -> None:
        """Append to a file that :meth:`open` opened."""
        self._file = file
        self._model = model
        self._writer = csv.writer(file, lineterminator="\n")
        self.counts = counts
        self._synced = time.monotonic()

    @classmethod
    def open(cls, path: Path, model: str, kept: int = 0, counts: Counts | None = None) -> Self:
        """Begin a report with its header, or continue it behind its first ``kept`` bytes.

        Parameters
        ----------
        path
            The report.
        model
            For the ``model`` column.
        kept
            Bytes that stay; what stands behind them is cut off.
        counts
            Of the rows in those bytes.

        Raises
        ------
        ReportError
            It cannot be written.
        """
        try:
            file = path.open("a", newline="", encoding="utf-8")
            file.truncate(kept)
        except OSError as exc:
            raise ReportError(f"{path} cannot be written: {exc.strerror}") from exc
        if not kept:
            csv.writer(file, lineterminator="\n").writerow(COLUMNS)
        return cls(file, model, counts or Counts())

    def write(self, outcomes: Iterable[Outcome]) -> None:
        """Append one batch and hand it to the operating system, now and then to the disk.

        Raises
        ------
        ReportError
            The disk is full, or the file cannot be written any more.
        """
        rows: list[tuple[str, ...]] = []
        try:
            for outcome in outcomes:
                row = row_of(outcome, self._model)
                self._writer.writerow(row)
                rows.append(row)
            self._file.flush()
            if time.monotonic() - self._synced > SYNC_EVERY:
                self._sync()
        except OSError as exc:
            raise _unwritable(exc) from exc
        for row in rows:
            self.counts.add(named(row))

    def close(self) -> None:
        """Close the file; raises as :meth:`write`."""
        try:
            self._sync()
            self._file.close()
        except OSError as exc:
            raise _unwritable(exc) from exc

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()


def read_rows(path: Path) -> Iterator[tuple[list[str], int]]:
    """Yield the whole rows of a report, the header first, each with the offset of its end.

    What an interruption left of a last row is not yielded. One row at a time is in memory.

    Raises
    ------
    ReportError
        The file cannot be read, or is no report.
    """
    end = 0

    def lines() -> Iterator[str]:
        nonlocal end
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                end += len(line)
                yield line.decode("utf-8")

    reader = csv.reader(lines(), strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except OSError as exc:
            raise ReportError(f"{path} cannot be read: {exc.strerror}") from exc
        except UnicodeDecodeError as exc:
            raise _no_report(path) from exc
        except csv.Error as exc:
            if "unexpected end of data" in str(exc):  # cut off within a quoted field
                return
            raise _no_report(path) from exc
        if len(row) != len(COLUMNS):
            raise _no_report(path)
        yield row, end


def set_aside(report: Path) -> None:
    """Keep an old report and its manifest under the first free name ``report.old-N.csv``.

    Raises
    ------
    ReportError
        It cannot be renamed.
    """
    number = 1
    while (kept := report.with_suffix(f".old-{number}{report.suffix}")).exists():
        number += 1
    try:
        for old, new in ((report, kept), (manifest_path(report), manifest_path(kept))):
            if old.exists():
                old.rename(new)
    except OSError as exc:
        raise ReportError(f"{report} cannot be set aside: {exc.strerror}") from exc


def _unwritable(exc: OSError) -> ReportError:
    return ReportError(
        f"the report cannot be written: {exc.strerror}; make room and run the same command again"
    )


def _no_report(path: Path) -> ReportError:
    return ReportError(
        f"{path} exists and is no report of cxr scan; choose another --out, "
        "or keep it under a new name with --fresh"
    )
