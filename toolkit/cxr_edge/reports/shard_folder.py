"""A folder of shards: their names, and the manifest of the run that writes them."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cxr_edge.errors import ReportError
from cxr_edge.reports.append_log import CsvKind
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.recorded import Recorded, parse_run_manifest
from cxr_edge.reports.shard_rows import ShardFormat
from cxr_edge.storage.local_output import LocalOutput
from cxr_edge.storage.output_folder import OutputFolder
from cxr_edge.system.printable import first_names, printable

RUN: Final = "run.json"
"""Name of the run manifest in the folder."""

RELABEL_LATER: Final = (
    "finish it with the settings it has, 'cxr merge' it and 'cxr relabel' the report, or "
)
"""Better advice where shards are to have other labels for the probabilities that they have."""

MAKE_AGAIN: Final = "remove that shard and run the same scan again, which makes it anew, or "
"""Better advice where one shard is damaged."""

_NAME: Final = re.compile(r"shard-([0-9]{6,9})-[0-9a-f]{16}\.(csv|parquet)")


_INSTEAD: Final[Mapping[str, str]] = {
    **dict.fromkeys(("threshold", "review_band", "on_input_check"), RELABEL_LATER),
    "shard_size": "give --shard-size as before, or ",
    "shard_format": "give --shard-format as before, or ",
}


def shard_name(
    number: int, paths: Iterable[str], settings: Mapping[str, object], format_: ShardFormat
) -> str:
    """Return the name of a shard, which another run gives to these files and settings alone.

    Parameters
    ----------
    number
        Number of the shard, counted from 1.
    paths
        Paths of its files in the report. Nothing else of the files is known from a listing.
    settings
        Settings of the run that must stay the same; one that is None is as one that is left out.
    format_
        Format of the shard.
    """
    given = {key: value for key, value in settings.items() if value is not None}
    digest = hashlib.sha256(json.dumps(given, sort_keys=True).encode())
    for path in paths:
        digest.update(b"\0")
        digest.update(os.fsencode(path))
    return f"shard-{number:06}-{digest.hexdigest()[:16]}.{format_}"


def is_shard(name: str) -> bool:
    """Return whether a file has the name of a shard."""
    return _NAME.fullmatch(name) is not None


def has_shards(folder: Path) -> bool:
    """Return whether a folder of this machine has shards; False where it cannot be read."""
    with suppress(OSError):
        return any(map(is_shard, LocalOutput(folder).names()))
    return False


def kind_of(folder: OutputFolder, use: str = "continued") -> CsvKind:
    """Return the kind of a folder of shards, for messages.

    Parameters
    ----------
    folder
        The folder.
    use
        Use that is made of it.
    """
    over = ", or start over with --fresh, which keeps the old shards"
    return replace(
        REPORT,
        name="folder of shards",
        option="--shards",
        advice=f"choose another --shards{over if isinstance(folder, LocalOutput) else ''}",
        other_files="",
        instead=_INSTEAD,
        older_manifests={},
        use=use,
    )


@dataclass(frozen=True)
class ShardFolder:
    """The content of a folder of shards."""

    shards: Mapping[int, str]
    """Names of the shards by their numbers."""
    recorded: Recorded | None
    """Manifest of their run; None where none has begun."""
    others: list[str]
    """Names of files that are none of ours; hidden ones are not looked at."""

    @classmethod
    def read(cls, folder: OutputFolder, kind: CsvKind) -> "ShardFolder":
        """Read the names and the manifest.

        Raises
        ------
        ReportError
            It cannot be read, has two shards of one number, or shards without a manifest, or the
            manifest is damaged.
        """
        shards: dict[int, str] = {}
        others: list[str] = []
        has_run = False
        try:
            for name in folder.names():
                found = _NAME.fullmatch(name)
                if found:
                    twin = shards.setdefault(int(found[1]), name)
                    if twin != name:
                        why = f"has two shards of one number, {twin} and {name}"
                        raise kind.refused(folder.place, why, "remove the wrong one, or ")
                elif name == RUN:
                    has_run = True
                elif not name.startswith("."):
                    others.append(printable(name))
        except OSError as exc:
            raise ReportError(f"{folder.place} cannot be read: {exc.strerror or exc}") from exc
        recorded = recorded_in(folder, kind) if has_run or shards else None
        return cls(shards, recorded, sorted(others))

    def require_ours(self, folder: OutputFolder, kind: CsvKind) -> None:
        """Refuse to begin among files of others; raises ReportError."""
        if self.others and self.recorded is None:
            why = f"expected a new or empty folder for shards, got {first_names(self.others)} in it"
            raise ReportError(f"{kind.option}: {folder.place}: {why}; choose another {kind.option}")


def recorded_in(folder: OutputFolder, kind: CsvKind) -> Recorded:
    """Read the manifest of a folder of shards.

    Raises
    ------
    ReportError
        It is missing or damaged, or of another version.
    """
    path = f"{folder.place.rstrip('/')}/{RUN}"
    return parse_run_manifest(
        lambda: folder.read(RUN), path, folder.place, kind.use, kind.advice, kind.older_manifests
    )


def stored_rows(
    folder: OutputFolder, name: str, kind: CsvKind, format_: ShardFormat
) -> tuple[list[list[str]], str]:
    """Return the cells of the rows of a shard, and the SHA-256 of its bytes.

    Raises
    ------
    ReportError
        It cannot be read or is damaged.
    """
    try:
        data = folder.read(name)
    except OSError as exc:
        raise ReportError(f"{folder.place}/{name} cannot be read: {exc.strerror or exc}") from exc
    try:
        return list(format_.decoded(data)), hashlib.sha256(data).hexdigest()
    except ValueError as exc:
        why = f"is damaged: {name} is no shard ({exc})"
        raise kind.refused(folder.place, why, MAKE_AGAIN) from exc


def edited(folder: OutputFolder, kind: CsvKind, name: str) -> ReportError:
    """Return the error of a shard whose bytes are not those that were written."""
    why = f"was edited: {name} is not as {kind.command} wrote it"
    return kind.refused(folder.place, why, MAKE_AGAIN)


def set_aside(folder: LocalOutput, kind: CsvKind) -> None:
    """Keep shards and their manifest in the first free folder ``PLACE.old-N``.

    Raises
    ------
    ReportError
        They cannot be renamed.
    """
    ours = sorted(name for name in folder.names() if name == RUN or _NAME.fullmatch(name))
    if not ours:
        return
    number = 1
    while (kept := folder.path.with_name(f"{folder.path.name}.old-{number}")).exists():
        number += 1
    try:
        kept.mkdir()
        for name in ours:  # the manifest first: shards without one are set aside the next time
            (folder.path / name).rename(kept / name)
    except OSError as exc:
        why = f"cannot be set aside: {exc.strerror}"
        raise kind.refused(folder.place, why) from exc
