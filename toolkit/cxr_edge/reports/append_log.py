"""CSV files that are append-only logs: readable and continued after any interruption."""

import csv
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

from cxr_edge.errors import ReportError
from cxr_edge.reports.manifest import differences
from cxr_edge.reports.recorded import RESTORE, Recorded, owner_of, read_run_manifest
from cxr_edge.reports.row_marks import RowMarks, RunningMarks
from cxr_edge.storage.lock import alone_at
from cxr_edge.storage.open_regular import open_regular
from cxr_edge.system.printable import cell_shown

SYNC_EVERY: Final = 5.0
"""Seconds between two times that rows are flushed to the disk; a power failure loses no more."""

_LONGEST_HEADER: Final = 4096
"""Bytes of a first line that are looked at."""


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
    other_files: str
    """Better advice where files were added or removed; empty where there is none."""
    instead: Mapping[str, str]
    """Better advice where a setting is another, by that setting; it is given where all settings
    that are others have the same."""
    names_files: bool
    """Whether messages may name files; names of a mapping's sources may identify patients."""
    older_manifests: Mapping[int, str]
    """Versions of the manifest that are continued, as for
    :func:`cxr_edge.reports.recorded.read_run_manifest`."""
    better: str = ""
    """Better advice where a file is none of this kind."""
    gone: str = "is gone"
    """Words for a file that has a row and is not found, in messages."""
    use: str = "resumed"
    """Use that is made of a file that is there, in messages."""

    @property
    def header(self) -> bytes:
        """First line."""
        return f"{','.join(self.columns)}\n".encode()

    def named(self, row: Sequence[str]) -> dict[str, str]:
        """Return a row's values by column."""
        return dict(zip(self.columns, row, strict=True))

    def refused(self, path: Path | str, why: str, better: str = "") -> ReportError:
        """Return the error of a file that cannot be continued; better advice comes first."""
        return ReportError(f"{path} {why}; {better}{self.advice}")

    def not_as_written(
        self, path: Path, number: int, row: Sequence[str], why: str = ""
    ) -> ReportError:
        """Return the error of a row, counted from 1, that no run of the command writes."""
        which = f"row {number:,} ({cell_shown(row[0])})"
        told = f"cannot be {self.use}: {which} is not as {self.command} wrote it"
        return self.refused(path, f"{told} ({why})" if why else told, RESTORE)

    def require_same(
        self, path: Path | str, before: Mapping[str, object], now: Mapping[str, object]
    ) -> None:
        """Raise ReportError where a file was started with other settings than those now."""
        changed = differences(before, now)
        if changed:
            better, *others = {self.instead.get(key, "") for key in changed}
            told = "; ".join(changed.values())
            raise self.refused(
                path, f"was started with other settings ({told})", "" if others else better
            )

    def recorded(self, path: Path) -> Recorded:
        """Read how a file was started; as :func:`cxr_edge.reports.recorded.read_run_manifest`."""
        return read_run_manifest(path, self.use, self.advice, self.older_manifests)

    def alone_at(self, path: Path) -> AbstractContextManager[None]:
        """Keep other processes away from a file; as :func:`cxr_edge.storage.lock.alone_at`."""
        return alone_at(path, self.run, self.option, owner_of)


class _Lines:
    """A file that takes lines of text, and their digest."""

    def __init__(self, file: BinaryIO, running: RunningMarks) -> None:
        self._file = file
        self._running = running

    def write(self, line: str) -> None:
        """Take one line, as :func:`csv.writer` gives it."""
        data = line.encode()
        self._file.write(data)
        self._running.add(data)


class AppendLog:
    """One such file, open to be appended to."""

    def __init__(self, file: BinaryIO, kind: CsvKind, running: RunningMarks) -> None:
        """Append to a file that :meth:`open` opened."""
        self._file = file
        self._kind = kind
        self._running = running
        self._writer = csv.writer(_Lines(file, running), lineterminator="\n")
        self._synced = time.monotonic()

    @classmethod
    def open(
        cls, kind: CsvKind, path: Path, kept: int = 0, running: RunningMarks | None = None
    ) -> Self:
        """Start a file with its header, or continue it behind its first ``kept`` bytes.

        Parameters
        ----------
        kind
            Kind of the file.
        path
            Path of the file.
        kept
            Bytes that stay; everything behind them is cut off.
        running
            Digest of these bytes; None where there are none.

        Raises
        ------
        ReportError
            It cannot be written.
        """
        try:
            file = path.open("ab")
            try:
                file.truncate(kept)
            except OSError:
                file.close()
                raise
        except OSError as exc:
            raise ReportError(f"{path} cannot be written: {exc.strerror}") from exc
        log = cls(file, kind, running if kept and running else RunningMarks())
        if not kept:
            log.append([kind.columns])
        return log

    def append(self, rows: Iterable[Sequence[str]]) -> bool:
        """Append rows and hand them to the operating system, every few seconds to the disk.

        Returns
        -------
        bool
            Whether they are on the disk, with all rows before.

        Raises
        ------
        ReportError
            The disk is full, the file cannot be written any more, or it was replaced or removed.
        """
        self._require_in_place()
        try:
            self._writer.writerows(rows)
            self._file.flush()
            self._require_in_place()
            if time.monotonic() - self._synced <= SYNC_EVERY:
                return False
            self._sync()
        except OSError as exc:
            raise self._unwritable(exc) from exc
        return True

    def note(self, marks: RowMarks) -> None:
        """Note the digest of all rows; only once they are on the disk."""
        marks.take(self._running)

    def close(self) -> None:
        """Close the file; raises as :meth:`append`."""
        try:
            with self._file:  # closed, also where that fails
                self._file.flush()
                self._sync()
        except OSError as exc:
            raise self._unwritable(exc) from exc

    def _require_in_place(self) -> None:
        """Refuse to write what nobody would find: the name may be another file's by now.

        Some network shares give files other numbers again and again, but not other sizes.
        """
        ours = os.fstat(self._file.fileno())
        try:
            there = os.stat(self._file.name)  # noqa: PTH116  (a name of whatever kind)
        except FileNotFoundError:
            there = None
        if there and (os.path.samestat(ours, there) or ours.st_size == there.st_size):
            return
        raise ReportError(
            f"{self._file.name} was {'replaced' if there else 'removed'} while it was written; put "
            "it back, or move it and its manifest away, and run the same command again"
        )

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
    try:
        with open_regular(path) as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                end += len(line)
                row = parsed(line)
                if len(row) != len(kind.columns):
                    raise _foreign(kind, path)
                yield row, end
    except OSError as exc:
        raise ReportError(f"{path} cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise _foreign(kind, path) from exc


def parsed(line: bytes) -> list[str]:
    """Return the columns of one row.

    Raises
    ------
    ValueError
        It is no row of ours, which has no line break in a quoted field either.
    """
    try:
        return next(csv.reader([line.decode()], strict=True))
    except csv.Error as exc:
        raise ValueError(str(exc)) from exc


def is_started(kind: CsvKind, path: Path) -> bool:
    """Return whether a file is there and has its whole header.

    Raises
    ------
    ReportError
        It cannot be read, or is of another kind.
    """
    try:
        with open_regular(path) as file:
            head = file.readline(_LONGEST_HEADER)
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise ReportError(f"{path} cannot be read: {exc.strerror}") from exc
    if head == kind.header:
        return True
    if kind.header.startswith(head):  # cut short, or empty
        return False
    from cxr_edge.reports.spreadsheet import SAVED_AGAIN, is_resaved_header

    if is_resaved_header(head, kind.columns):
        why = f"was edited: its header is not as {kind.command} wrote it; {SAVED_AGAIN}"
        raise kind.refused(path, why, RESTORE)
    if head.count(b",") == len(kind.columns) - 1:
        raise kind.refused(path, "exists and has other columns")
    raise _foreign(kind, path)


def _foreign(kind: CsvKind, path: Path) -> ReportError:
    return kind.refused(path, f"exists and is not a {kind.name} of {kind.command}", kind.better)
