"""The folders that a command reads, and whether they are still there."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_edge.errors import ReportError, TimedOut, Unreadable
from cxr_edge.storage.base import Kind, Storage
from cxr_edge.storage.local import LOCAL

_SUSPICIOUS: Final = frozenset({Unreadable.reason, TimedOut.reason})
"""Reasons that every file has when its disk or network is gone."""


@dataclass(frozen=True)
class SourceFolders:
    """Folders that must stay: without them every file in them would be a failed row."""

    known: Mapping[str, Hashable]
    """Identity of each folder when the command started; an unmounted one has another."""
    storage: Storage = LOCAL
    """Storage that they are in."""

    @classmethod
    def of(cls, paths: Sequence[str | Path], storage: Storage = LOCAL) -> "SourceFolders":
        """Remember those of the paths that are folders."""
        found = {str(path): _identity(str(path), storage) for path in paths}
        return cls(
            {path: identity for path, identity in found.items() if identity is not None}, storage
        )

    def check(self, reasons: Iterable[str]) -> None:
        """Check all folders if one of the reasons why files failed can be a missing folder."""
        if not _SUSPICIOUS.isdisjoint(reasons):
            self.check_all()

    def check_all(self) -> None:
        """Raise where a folder is gone.

        Raises
        ------
        ReportError
            It is gone.
        """
        for path, before in self.known.items():
            if _identity(path, self.storage) != before:
                raise ReportError(
                    f"{path} is no longer available (disk removed or network down?); reconnect it "
                    "and run the same command again, which continues from there"
                )


def _identity(path: str, storage: Storage) -> Hashable:
    """Return the identity of a folder, None for a file and for what is not there."""
    try:
        return storage.identity(path) if storage.stat(path).kind is Kind.FOLDER else None
    except OSError:
        return None
