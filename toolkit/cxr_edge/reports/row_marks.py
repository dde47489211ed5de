"""Digests of the rows of a CSV file, by which an edited row is found."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final, Self

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.json_fields import build, is_int, mapping

MOST: Final = 512
"""Number of marks at most. A file that has more keeps every second one."""

_WIDTH: Final = 8
"""Digits of a mark."""


@dataclass
class RowMarks:
    """Digest of a file up to one of its rows, and of its beginnings, as they stand in a manifest.

    A digest of the whole says that a row was edited, and the marks say which: each is the start of
    the digest of everything up to its row, so the first that differs is behind the edited row. A
    file of up to :data:`MOST` rows has a mark for each of them.
    """

    rows: int = 0
    """Rows that the digest covers, without the header."""
    sha256: str = ""
    """SHA-256 of the file's bytes up to the end of that row; empty where no row is covered."""
    every: int = 1
    """Rows from one mark to the next."""
    marks: str = ""
    """First digits of the SHA-256 at each mark, one after another."""

    def __post_init__(self) -> None:
        values: list[tuple[str, Any, bool]] = [
            ("rows", self.rows, is_int(self.rows) and self.rows >= 0),
            ("every", self.every, is_int(self.every) and self.every > 0),
            ("sha256", self.sha256, isinstance(self.sha256, str)),
            ("marks", self.marks, isinstance(self.marks, str)),
        ]
        for name, value, is_right in values:
            if not is_right:
                raise ValueError(f"digest: {name} cannot be {value!r:.60}")
        if len(self.marks) != _WIDTH * (self.rows // self.every):
            raise ValueError(f"digest: expected a mark for every {self.every} of {self.rows} rows")

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read marks from a manifest.

        Raises
        ------
        ValueError
            They are something else.
        """
        try:
            return build(cls, mapping(data, "digest"), "digest")
        except SpecInvalid as exc:
            raise ValueError(str(exc)) from exc

    def verdict(self, running: "RunningMarks") -> bool | None:
        """Return whether a file as read so far is as it was; None where nothing is known."""
        row = running.rows
        if row == self.rows:
            return running.sha256 == self.sha256
        if row > self.rows or row % self.every:
            return None
        place = _WIDTH * (row // self.every - 1)
        return running.sha256[:_WIDTH] == self.marks[place : place + _WIDTH]

    def last_mark_before(self, row: int) -> int:
        """Return the last row before one that has a mark; 0 where none has."""
        return (row - 1) // self.every * self.every

    def take(self, running: "RunningMarks") -> None:
        """Become the marks of a file as it was written so far."""
        self.rows = running.rows
        self.sha256 = running.sha256
        self.every = running.every
        self.marks = "".join(running.marks)


class RunningMarks:
    """The digest of a file that is written or read line by line, the header first."""

    def __init__(self) -> None:
        """Start before the header."""
        self.rows = -1
        self.every = 1
        self.size = 0
        self.marks: list[str] = []
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """SHA-256 of everything up to the last line."""
        return self._digest.hexdigest()

    def add(self, line: bytes) -> None:
        """Take the next line."""
        self._digest.update(line)
        self.size += len(line)
        self.rows += 1
        if self.rows and self.rows % self.every == 0:
            self.marks.append(self.sha256[:_WIDTH])
            if len(self.marks) == MOST:
                self.marks = self.marks[1::2]
                self.every *= 2
