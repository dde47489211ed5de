"""CSV files that are append-only logs: readable and continued after any interruption."""

import csv
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TextIO

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.reports.manifest import owner_of
from cxr_edge.storage.lock import alone_at
from cxr_edge.system.printable import printable

SYNC_EVERY: Final = 5.0
"""Seconds after which rows are on the disk: what a power failure can cost at most."""


@dataclass(frozen=True)
class CsvKind:
    """A kind of CSV file, one for each command; its first column names the file of the row."""

    name: str
    """For messages: ``report``."""
    command: str
    """That writes them."""
    run: str
    """What one of its runs is called: ``scan``."""
    option: str
    """That says where."""
    columns: tuple[str, ...]
    """Header."""
    advice: str
    """What to do about a file that cannot be continued."""
    tells_paths: bool = True
    """Whether a message may quote the first column."""

    def named(self, row: Sequence[str]) -> dict[str, str]:
        """Return a row's values by column."""
        return dict(zip(self.columns, row, strict=True))

    def refused(self, path: Path, why: str) -> ReportError:
        """Return the error of a file that cannot be continued."""
        return ReportError(f"{path} {why}; {self.advice}")

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
        """Begin a file with its header, or continue it behind its first ``kept`` bytes.

        Parameters
        ----------
        kind
            What the file is.
        path
            Where.
        kept
            Bytes that stay; what stands behind them is cut off.

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
        """Append rows and hand them to the operating system, now and then to the disk.

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

    What an interruption left of a last row is not yielded. One row at a time is in memory.

    Raises
    ------
    ReportError
        The file cannot be read, or is none of ``kind``.
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
            raise _foreign(kind, path) from exc
        except csv.Error as exc:
            if "unexpected end of data" in str(exc):  # cut off within a quoted field
                return
            raise _foreign(kind, path) from exc
        if len(row) != len(kind.columns):
            raise _foreign(kind, path)
        yield row, end


def is_begun(kind: CsvKind, path: Path) -> bool:
    """Tell whether a file is there and has its whole header.

    Raises
    ------
    ReportError
        It cannot be read, or is none of ``kind``.
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


def catch_up(
    kind: CsvKind,
    path: Path,
    items: Iterator[ImageItem],
    take: Callable[[Mapping[str, str], ImageItem], None],
) -> int:
    """Hold the rows of a file that is begun against the files there are now.

    Parameters
    ----------
    kind
        What the file is.
    path
        Where.
    items
        All files; afterwards at the first that has no row.
    take
        Is given each row by column, and its item.

    Returns
    -------
    int
        Bytes of the whole rows, to be kept.

    Raises
    ------
    ReportError
        Its rows are not those of the first items.
    """
    rows = read_rows(kind, path)
    _, kept = next(rows)
    for number, (row, kept) in enumerate(rows, start=1):  # noqa: B007  (where the last one ends)
        item = next(items, None)
        got = "nothing" if item is None else printable(item.path)
        if item is None or got != row[0]:
            what = f"its next row is {row[0]}, the folders have {got} there"
            if not kind.tells_paths:
                what = f"its row {number} is not of the file that is there now"
            why = f"cannot be continued: {what}: files were added, removed or renamed"
            raise kind.refused(path, why)
        take(kind.named(row), item)
    return kept


def check_place(kind: CsvKind, path: Path) -> None:
    """Check that a file can be written, before any work is done.

    Raises
    ------
    UsageError
        Its folder is missing or not writable, or it is a folder itself.
    """
    if not path.parent.is_dir():
        raise UsageError(
            f"{kind.option}: expected an existing folder, {path.parent} is none; make it first"
        )
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "not a regular file"
        raise UsageError(f"{kind.option}: expected a file, {path} is {what}")
    # The manifest is written anew beside it, so the folder must be writable in any case.
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UsageError(f"{kind.option}: {path} is not writable; choose another place")


def _head(path: Path, kind: CsvKind) -> bytes:
    with path.open("rb") as file:
        return file.read(len(",".join(kind.columns)) + 1)


def _foreign(kind: CsvKind, path: Path) -> ReportError:
    return kind.refused(path, f"exists and is no {kind.name} of {kind.command}")
