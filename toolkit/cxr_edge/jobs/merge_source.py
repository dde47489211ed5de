"""The reports and folders of shards that are merged: their rows, read once and checked."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from cxr_edge.errors import ReportError, UsageError
from cxr_edge.jobs.source_report import require_report
from cxr_edge.reports.append_log import CsvKind, read_rows
from cxr_edge.reports.check_rows import check_rows
from cxr_edge.reports.csv_report import source_kind
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.reports.recorded import Recorded
from cxr_edge.reports.shard_folder import (
    RUN,
    ShardFolder,
    edited,
    is_shard,
    kind_of,
    shard_name,
    stored_rows,
)
from cxr_edge.reports.shard_manifest import ShardList, marked
from cxr_edge.reports.shard_rows import ShardFormat
from cxr_edge.spec.json_fields import is_int
from cxr_edge.storage.output_folder import OutputFolder
from cxr_edge.storage.output_place import output_at
from cxr_edge.system.plural import counted, worded
from cxr_edge.system.printable import cell_shown, first_names, unescaped

_REPORT: Final = source_kind("merged")
"""Kind of the reports that are read."""

_NAMED: Final = 10
"""Missing shards that are named; a number in a damaged name may be any."""

_UNFINISHED: Final = "run the same scan again, which finishes it"


class Source(Protocol):
    """Rows of a scan that has finished."""

    @property
    def place(self) -> str:
        """Path or address, as the user gave it."""

    @property
    def full_path(self) -> str:
        """Full path without the suffix of a report, by whose last parts it is named."""

    @property
    def kind(self) -> CsvKind:
        """Kind, for messages."""

    @property
    def manifest(self) -> str:
        """Path of its manifest, for messages."""

    @property
    def recorded(self) -> Recorded:
        """Its manifest."""

    def rows(self) -> Iterator[Sequence[str]]:
        """Yield the cells of each row, and check them all by the end; raises ReportError."""


def source_at(place: str) -> Source:
    """Return the report, or the folder of shards, at a place.

    Raises
    ------
    UsageError
        It is something else.
    ReportError
        It is not finished, or damaged as far as its manifest tells.
    """
    folder, _, name = place.rpartition("/")
    if is_shard(name):
        raise UsageError(
            f"expected a folder of shards, got one of them, {place}; name its folder: cxr merge "
            f"{folder or '.'}"
        )
    if "://" not in place and not os.path.exists(place):  # noqa: PTH110  (names of any length)
        raise UsageError(f"{place} does not exist; check the spelling")
    if "://" in place or Path(place).is_dir():
        return _ShardSource.open(output_at("SHARDS", place))
    return _ReportSource.open(Path(place))


@dataclass(frozen=True)
class _ReportSource:
    """A report."""

    path: Path
    recorded: Recorded

    @classmethod
    def open(cls, path: Path) -> "_ReportSource":
        require_report(_REPORT, path)
        recorded = _REPORT.recorded(path)
        if not recorded.finished:
            raise ReportError(f"{path} cannot be merged: it is not finished; {_UNFINISHED}")
        return cls(path, recorded)

    @property
    def place(self) -> str:
        return str(self.path)

    @property
    def full_path(self) -> str:
        return os.path.abspath(self.path).removesuffix(".csv")  # noqa: PTH100  (links stay)

    @property
    def kind(self) -> CsvKind:
        return _REPORT

    @property
    def manifest(self) -> str:
        return str(manifest_path(self.path))

    def rows(self) -> Iterator[Sequence[str]]:
        found = check_rows(_REPORT, self.path, self.recorded.digest, is_finished=True).rows
        if found != self.recorded.rows and self.recorded.rows:
            lost = counted(self.recorded.rows - found, "row", "rows")
            why = f"cannot be merged: it has lost {lost}"
            raise _REPORT.refused(self.path, why, f"{_UNFINISHED}, or ")
        rows = read_rows(_REPORT, self.path)
        next(rows)  # the header
        for row, _ in rows:
            yield row


@dataclass(frozen=True)
class _ShardSource:
    """A folder of shards."""

    folder: OutputFolder
    kind: CsvKind
    shards: Sequence[str]
    """Names of the shards, in order."""
    recorded: Recorded
    marks: str
    """Marks of the shards."""
    size: int
    """Rows of a shard; the last one may have fewer."""
    format: ShardFormat

    @classmethod
    def open(cls, folder: OutputFolder) -> "_ShardSource":
        advice = "scan again with --fresh, or with another --shards"
        kind = replace(kind_of(folder, "merged"), advice=advice)
        there = ShardFolder.read(folder, kind)
        if there.recorded is None:
            raise UsageError(
                f"expected a folder of shards that 'cxr scan --shards' made, got {folder.place}"
            )
        unclear = "is damaged: it does not say which shards there are"
        match there.recorded.fields.get("shards"):
            case {"size": size, "format": "csv" | "parquet" as format_, "count": count} if (
                is_int(size) and is_int(count) and size > 0
            ):
                pass
            case _:
                raise kind.refused(f"{folder.place}/{RUN}", unclear)
        _require_all(there, folder, count)
        try:
            marks = ShardList.marks_in(there.recorded.fields)
        except ValueError as exc:
            raise kind.refused(f"{folder.place}/{RUN}", unclear) from exc
        ShardFormat(format_).require()
        names = [there.shards[number] for number in range(1, count + 1)]
        return cls(folder, kind, names, there.recorded, marks, size, ShardFormat(format_))

    @property
    def place(self) -> str:
        return self.folder.place

    @property
    def full_path(self) -> str:
        if "://" in self.place:
            return self.place.rstrip("/")
        return os.path.abspath(self.place)  # noqa: PTH100  (links stay)

    @property
    def manifest(self) -> str:
        return f"{self.place.rstrip('/')}/{RUN}"

    def rows(self) -> Iterator[Sequence[str]]:
        rows, before = 0, b""
        for number, name in enumerate(self.shards, start=1):
            cells, sha256 = stored_rows(self.folder, name, self.kind, self.format)
            paths = [unescaped(row[0]) for row in cells]
            named = shard_name(number, paths, self.recorded.identity, self.format)
            if not marked(self.marks, number, sha256) or named != name:
                raise edited(self.folder, self.kind, name)
            full = min(self.size, self.recorded.rows - rows)  # the last one may have fewer
            if len(cells) != full:
                raise self._wrong(
                    f"expected {counted(full, 'row', 'rows')} in {name}, got {len(cells)}"
                )
            for path, row in zip(paths, cells, strict=True):
                key = os.fsencode(path)
                if rows and key <= before:
                    raise self._wrong(
                        f"{cell_shown(row[0])} in {name} is not behind the row before"
                    )
                before = key
                rows += 1
                yield row
        if rows != self.recorded.rows:
            raise self._wrong(f"expected {self.recorded.rows} rows, got {rows}")

    def _wrong(self, why: str) -> ReportError:
        return self.kind.refused(self.place, f"is damaged: {why}")


def _require_all(there: ShardFolder, folder: OutputFolder, count: int) -> None:
    """Raise ReportError where the run has not finished, or a shard is missing or left over."""
    assert there.recorded
    last = count if there.recorded.finished else max(there.shards, default=0)
    missing = last - sum(1 <= number <= last for number in there.shards)
    gone = (f"{number:,}" for number in range(1, last + 1) if number not in there.shards)
    which = first_names([*islice(gone, min(missing, _NAMED))], missing)
    cannot = f"{folder.place} cannot be merged"
    gaps = f"{worded(missing, 'shard', 'shards')} {which} of {last:,} missing"
    if not there.recorded.finished:
        have = counted(len(there.shards), "shard is", "shards are")
        behind = f"{gaps}, and those behind" if missing else "those behind are missing"
        raise ReportError(
            f"{cannot}: its scan is not finished ({have} there; {behind}); {_UNFINISHED}"
        )
    if missing:
        raise ReportError(f"{cannot}: {gaps}; {_UNFINISHED}")
    if more := [name for number, name in there.shards.items() if number > count]:
        raise ReportError(
            f"{cannot}: its scan made {counted(count, 'shard', 'shards')}, and there is "
            f"{first_names(sorted(more))} too; move it away"
        )
