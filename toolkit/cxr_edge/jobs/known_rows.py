"""The rows of all reports of a watch, by path and digest: no file gets a second one."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cxr_edge.reports.append_log import CsvKind, read_rows


@dataclass(frozen=True)
class KnownRow:
    """A row that there is."""

    day: str
    """Day of its report."""
    ok: bool
    """Whether the file was scored."""


class KnownRows:
    """An index; memory holds 32 bytes of each row and of each path."""

    def __init__(self) -> None:
        """Start without a row."""
        self._rows: dict[bytes, KnownRow] = {}
        self._paths: set[bytes] = set()
        self._kinds: dict[tuple[str, bool], KnownRow] = {}

    def read(self, kind: CsvKind, report: Path, day: str) -> None:
        """Take the rows of a report; raises ReportError as :func:`read_rows`."""
        rows = read_rows(kind, report)
        next(rows, None)  # the header
        for row, _ in rows:
            self.add(kind.named(row), day)

    def add(self, row: Mapping[str, str], day: str) -> KnownRow:
        """Take a row, given by column, and return it."""
        known = (day, row["status"] == "ok")
        value = self._kinds.setdefault(known, KnownRow(*known))
        self._paths.add(_digest(row["path"]))
        self._rows[_digest(row["path"], row["sha256"])] = value
        return value

    def has_path(self, path: str) -> bool:
        """Tell whether a path, as it stands in a report, has a row."""
        return _digest(path) in self._paths

    def get(self, path: str, sha256: str) -> KnownRow | None:
        """Return the row of a path and the bytes there, None where there is none."""
        return self._rows.get(_digest(path, sha256))


def _digest(*parts: str) -> bytes:
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=16).digest()
