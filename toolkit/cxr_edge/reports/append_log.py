"""CSV files that are append-only logs: readable and continued after any interruption."""

import csv
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TextIO

from cxr_edge.errors import ReportError
from cxr_edge.reports.manifest import Recorded, owner_of, read_manifest
from cxr_edge.storage.lock import alone_at

SYNC_EVERY: Final = 5.0
"""Seconds between two times that rows are flushed to the disk; a power failure loses no more."""


@dataclass(frozen=True)
class CsvKind:
    """A kind of CSV file, one for each command; its first column names the file of the row."""

    name: str
    """Name in messages: ``report``."""
    command: str
    """Command that writes such files."""
    run: str
    """Name of one run of the command: ``scan``."""
    option: str
    """Option that says where the file is."""
    columns: tuple[str, ...]
    """Header."""
    advice: str
    """Advice when a file cannot be continued."""
    moved: str
    """Message when the next row is not of the next file there is; may quote ``{row}``, the file's
    path in the row, ``{found}``, what is there instead, and ``{number}``, the row's."""
    older_manifests: Mapping[int, str]
    """Versions of the manifest that are continued, as for
    :func:`cxr_edge.reports.manifest.read_manifest`."""

    def named(self, row: Sequence[str]) -> dict[str, str]:
        """Return a row's values by column."""
        return dict(zip(self.columns, row, strict=True))

    def refused(self, path: Path, why: str) -> ReportError:
        """Return the error of a file that cannot be continued."""
        return ReportError(f"{path} {why}; {self.advice}")

    def started_otherwise(self, path: Path, changed: str) -> ReportError:
        """Return the error of a file that was started with other settings."""
        return self.refused(path, f"was started with other settings ({changed})")

    def recorded(self, path: Path) -> Recorded:
        """Read how a file was started; as :func:`cxr_edge.reports.manifest.read_manifest`."""
        return read_manifest(path, self.advice, self.older_manifests)

    def alone_at(self, path: Path) -> AbstractContextManager[None]:
        """Keep other processes away from a file; as :func:`cxr_edge.storage.lock.alone_at`."""
        return alone_at(path, self.run, self.option, owner_of)


class AppendLog:
    """One such file, open to be appended to."""

    def __init__(self, file: TextIO, kind: CsvKind) -> None:
        """Append to a file that :meth:`open` opened."""
        self._file = file
        self._kind = kind
        self._writer = csv.writer(file, lineterminator="\n")
        self._synced = time.monotonic()

    @classmethod
    def open(cls, kind: CsvKind, path: Path, kept: int = 0) -> Self:
        """Start a file with its header, or continue it behind its first ``kept`` bytes.

        Parameters
        ----------
        kind
            Kind of the file.
        path
            Path of the file.
        kept
            Bytes that stay; everything behind them is cut off.

        Raises
        ------
        ReportError
            It cannot be written.
        """
        try:
            file = path.open("a", newline="", encoding="utf-8")
            try:
                file.truncate(kept)
            except OSError:
                file.close()
                raise
        except OSError as exc:
            raise ReportError(f"{path} cannot be written: {exc.strerror}") from exc
        log = cls(file, kind)
        if not kept:
            log.append([kind.columns])
        return log

    def append(self, rows: Iterable[Sequence[str]]) -> None:
        """Append rows and hand them to the operating system, every few seconds to the disk.

        Raises
        ------
        ReportError
            The disk is full, or the file cannot be written any more.
        """
        try:
            self._writer.writerows(rows)
            self._file.flush()
            if time.monotonic() - self._synced > SYNC_EVERY:
                self._sync()
        except OSError as exc:
            raise self._unwritable(exc) from exc

    def close(self) -> None:
        """Close the file; raises as :meth:`append`."""
        try:
            with self._file:  # closed, also where that fails
                self._sync()
        except OSError as exc:
            raise self._unwritable(exc) from exc

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def _unwritable(self, exc: OSError) -> ReportError:
        return ReportError(
            f"the {self._kind.name} cannot be written: {exc.strerror}; "
            "make room and run the same command again"
        )


def read_rows(kind: CsvKind, path: Path) -> Iterator[tuple[list[str], int]]:
    """Yield the whole rows of a file, the header first, each with the offset of its end.

    A last row that an interruption cut short is not yielded. One row at a time is in memory.

    Raises
    ------
    ReportError
        The file cannot be read, or is of another kind.
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
        except (UnicodeDecodeError, csv.Error) as exc:  # no quoted field of ours has a line break
            raise _foreign(kind, path) from exc
        if len(row) != len(kind.columns):
            raise _foreign(kind, path)
        yield row, end


def is_started(kind: CsvKind, path: Path) -> bool:
    """Return whether a file is there and has its whole header.

    Raises
    ------
    ReportError
        It cannot be read, or is of another kind.
    """
    if not path.exists():
        return False
    header = next(read_rows(kind, path), None)
    if header is None:
        if not ",".join(kind.columns).encode().startswith(_head(path, kind)):
            raise _foreign(kind, path)
        return False
    if tuple(header[0]) != kind.columns:
        raise kind.refused(path, "exists and has other columns")
    return True


def _head(path: Path, kind: CsvKind) -> bytes:
    with path.open("rb") as file:
        return file.read(len(",".join(kind.columns)) + 1)


def _foreign(kind: CsvKind, path: Path) -> ReportError:
    return kind.refused(path, f"exists and is not a {kind.name} of {kind.command}")
