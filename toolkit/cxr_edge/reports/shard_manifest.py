"""The run manifest of a folder of shards: ``run.json`` in it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final, Self

from cxr_edge.errors import ReportError
from cxr_edge.reports.run_manifest import RunManifest
from cxr_edge.reports.shard_folder import RUN
from cxr_edge.storage.output_folder import OutputFolder

MOST: Final = 1_500_000
"""Shards of a folder at most: a manifest that has the marks of more is too long to be read."""

_WIDTH: Final = 8
"""Digits of a mark."""

_NO_MARK: Final = "-" * _WIDTH
_MARKS: Final = re.compile(f"([0-9a-f]{{{_WIDTH}}}|{_NO_MARK})*")


@dataclass
class ShardList:
    """The shards that are there, and a mark of each that was ever written."""

    size: int
    """Files of a shard; the last one may have fewer."""
    format: str
    """Format, of :class:`cxr_edge.reports.shard_rows.ShardFormat`."""
    count: int = 0
    """Number of shards."""
    first: str | None = None
    """Name of the first shard; None where there is none."""
    last: str | None = None
    """Name of the last shard."""
    marks: str = ""
    """First digits of the SHA-256 of each shard, one after another by number; dashes for a shard
    that was not written yet."""

    @classmethod
    def marks_in(cls, recorded: Mapping[str, object]) -> str:
        """Return the marks of a manifest that was read; raises ValueError where it has none."""
        shards = recorded.get("shards")
        marks = shards.get("marks") if isinstance(shards, dict) else None
        if not isinstance(marks, str) or not _MARKS.fullmatch(marks):
            raise ValueError("it has no marks of the shards")
        return marks

    def add(self, name: str) -> None:
        """Count a shard that is there."""
        names = sorted(filter(None, (self.first, self.last, name)), key=lambda one: (len(one), one))
        self.count += 1
        self.first, self.last = names[0], names[-1]

    def mark(self, number: int, sha256: str) -> None:
        """Note the digest of a shard."""
        place = _WIDTH * (number - 1)
        before = self.marks[:place].ljust(place, "-")
        self.marks = f"{before}{sha256[:_WIDTH]}{self.marks[place + _WIDTH :]}"

    def cut(self, count: int) -> None:
        """Forget the marks of shards behind so many."""
        self.marks = self.marks[: _WIDTH * count]

    def verdict(self, number: int, sha256: str) -> bool | None:
        """Return whether a shard is as it was written; None where nothing is known of it."""
        return marked(self.marks, number, sha256)

    def is_known(self, number: int) -> bool:
        """Return whether a shard has a mark."""
        return self.verdict(number, "") is not None


@dataclass(frozen=True, kw_only=True)
class ShardManifest(RunManifest):
    """Record of one scan into shards; their marks are in place of a digest of all rows."""

    shards: ShardList = field(default_factory=lambda: ShardList(0, ""))
    """The shards."""

    @classmethod
    def of(cls, record: RunManifest, shards: ShardList) -> Self:
        """Return the manifest of a run into shards, from that of a scan."""
        known = {one.name: getattr(record, one.name) for one in fields(record)}
        return cls(**known, shards=shards)

    def content(self) -> dict[str, object]:
        """Return what stands in the JSON."""
        return {key: value for key, value in super().content().items() if key != "digest"}

    def told(self) -> dict[str, object]:
        """Return what is told of the run on one line."""
        shards = {key: value for key, value in vars(self.shards).items() if key != "marks"}
        return {**super().told(), "shards": shards}

    @property
    def encoded(self) -> bytes:
        """The bytes of the file."""
        return self.text.encode(errors="surrogateescape")

    def begin(self, folder: OutputFolder) -> bool:
        """Write the manifest of a new folder; return False where another run has begun meanwhile.

        Raises
        ------
        ReportError
            It cannot be written.
        """
        try:
            return folder.add(RUN, self.encoded)
        except OSError as exc:
            raise unwritable(folder, exc) from exc

    def put(self, folder: OutputFolder) -> None:
        """Write the manifest into its folder.

        Raises
        ------
        ReportError
            It cannot be written.
        """
        try:
            folder.replace(RUN, self.encoded)
        except OSError as exc:
            raise unwritable(folder, exc) from exc


def unwritable(folder: OutputFolder, exc: OSError) -> ReportError:
    """Return the error of a folder that takes no more."""
    return ReportError(
        f"{folder.place} cannot be written: {exc.strerror or exc}; make room and run the same "
        "command again"
    )


def marked(marks: str, number: int, sha256: str) -> bool | None:
    """Return whether the mark of a shard is that of a digest; None where it has no mark.

    Parameters
    ----------
    marks
        Marks of all shards, as :class:`ShardList` has them.
    number
        Number of the shard, counted from 1.
    sha256
        SHA-256 of its bytes.
    """
    mark = marks[_WIDTH * (number - 1) : _WIDTH * number]
    return None if mark in ("", _NO_MARK) else sha256[:_WIDTH] == mark
