"""A sorted listing cut into shards, and those of them that are there already."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Final

from cxr_edge.errors import ReportError
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.reports.append_log import CsvKind
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.shard_folder import MAKE_AGAIN, shard_name, stored_rows
from cxr_edge.reports.shard_rows import ShardFormat
from cxr_edge.storage.output_folder import OutputFolder
from cxr_edge.system.printable import cell_shown, printable, unescaped

FILES_BACK: Final = "bring the files back as they were, or "
"""Better advice where files were added or removed."""


@dataclass(frozen=True)
class Shard:
    """A range of the listing."""

    number: int
    """Number, counted from 1."""
    name: str
    """Name of its file."""
    items: Sequence[ImageItem]
    """Its files."""


@dataclass(frozen=True)
class StoredShard:
    """A shard that is there."""

    rows: Sequence[Mapping[str, str]]
    """Its rows by column."""
    sha256: str
    """SHA-256 of its bytes."""


def cut(
    items: Iterator[ImageItem], size: int, settings: Mapping[str, object], format_: ShardFormat
) -> Iterator[Shard]:
    """Yield the shards of a listing, one in memory at a time.

    Parameters
    ----------
    items
        Files, sorted.
    size
        Files of a shard.
    settings
        Settings of the run, which the names are bound to.
    format_
        Format of the shards.
    """
    number = 0
    while files := list(islice(items, size)):
        number += 1
        name = shard_name(number, (item.path for item in files), settings, format_)
        yield Shard(number, name, files)


def read_shard(
    folder: OutputFolder, shard: Shard, kind: CsvKind, format_: ShardFormat
) -> StoredShard:
    """Read a shard that an earlier run wrote.

    Raises
    ------
    ReportError
        It cannot be read, is damaged, or has rows of other files.
    """
    cells, sha256 = stored_rows(folder, shard.name, kind, format_)
    rows = [REPORT.named(row) for row in cells]
    expected = [printable(item.path) for item in shard.items]
    if [row["path"] for row in rows] != expected:
        why = f"is damaged: the rows of {shard.name} are not those of its files"
        raise kind.refused(folder.place, why, MAKE_AGAIN)
    return StoredShard(rows, sha256)


def other_files(
    folder: OutputFolder, shard: Shard, name: str, kind: CsvKind, format_: ShardFormat
) -> ReportError:
    """Return the error of a shard that is there under another name: it is of other files."""
    cells, _ = stored_rows(folder, name, kind, format_)
    before, now = [row[0] for row in cells], [printable(item.path) for item in shard.items]
    first = next((pair for pair in zip_longest(before, now) if pair[0] != pair[1]), None)
    why = f"cannot be continued: shard {shard.number} is of other files"
    if first:
        old, new = first
        if old is None or (new is not None and _sort_key(new) < _sort_key(old)):
            why += f" ({cell_shown(new)} was added since)"
        else:
            why += f" ({cell_shown(old)} is gone)"
    else:
        why = f"cannot be continued: {name} has not the name of its files and settings"
    return kind.refused(folder.place, why, FILES_BACK)


def _sort_key(path: str) -> bytes:
    """Return what a listing sorts a path of a row by."""
    return os.fsencode(unescaped(path))
