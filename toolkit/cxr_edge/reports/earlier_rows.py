"""The rows of a file that was written, by the path that each is of."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Self

from cxr_edge.errors import ReportError
from cxr_edge.reports.append_log import CsvKind, parsed, read_rows
from cxr_edge.reports.counts import FIRST_FAILED
from cxr_edge.reports.manifest import Gone


class EarlierRows:
    """An index of a file's rows: memory holds their paths and places, and no row.

    Each row can be taken once; those that nobody takes are left. Rows are read within a ``with``.
    """

    def __init__(self, kind: CsvKind, path: Path) -> None:
        """Read a file.

        Raises
        ------
        ReportError
            It cannot be read, is of another kind, or has two rows of one path.
        """
        self._kind = kind
        self.path = path
        self._file: BinaryIO | None = None
        self._places: dict[str, int] = {}
        rows = read_rows(kind, path)
        _, start = next(rows)  # the header
        for number, (row, end) in enumerate(rows, start=1):
            if self._places.setdefault(row[0], start) != start:
                raise kind.refused(
                    path, f"was edited: row {number:,} is of a file that has a row before"
                )
            start = end

    def __enter__(self) -> Self:
        """Open the file."""
        try:
            self._file = self.path.open("rb")
        except OSError as exc:
            raise ReportError(f"{self.path} cannot be read: {exc.strerror}") from exc
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def __iter__(self) -> Iterator[Mapping[str, str]]:
        """Yield the rows by column that nobody took, in their order."""
        return map(self._at, list(self._places.values()))

    def take(self, path: str) -> Mapping[str, str] | None:
        """Return the row of a path by column, None where there is none or it was taken."""
        place = self._places.pop(path, None)
        return None if place is None else self._at(place)

    def drop(self, path: str) -> None:
        """Take the row of a path without reading it."""
        self._places.pop(path, None)

    def count_gone(self, gone: Gone) -> None:
        """Add the rows that are left, since their files were not found."""
        gone.files += len(self._places)
        gone.first[:] = [*gone.first, *self._places][:FIRST_FAILED]

    def _at(self, place: int) -> Mapping[str, str]:
        assert self._file
        self._file.seek(place)
        return self._kind.named(parsed(self._file.readline()))
