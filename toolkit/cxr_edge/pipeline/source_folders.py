"""The folders that a command reads, and whether they are still there."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_edge.errors import ReportError, TimedOut, Unreadable

_SUSPICIOUS = frozenset({Unreadable.reason, TimedOut.reason})


@dataclass(frozen=True)
class SourceFolders:
    """Folders that must stay: without them every file in them would be a failed row."""

    known: Mapping[Path, tuple[int, int]]
    """Each with its device and inode when it began; an unmounted one has others."""

    @classmethod
    def of(cls, paths: Sequence[Path]) -> "SourceFolders":
        """Look at those of the paths that are folders."""
        return cls({path: found for path in paths if (found := _identity(path))})

    def check(self, reasons: Iterable[str]) -> None:
        """As :meth:`check_all`, where files failed for reasons of which one can be that."""
        if not _SUSPICIOUS.isdisjoint(reasons):
            self.check_all()

    def check_all(self) -> None:
        """Do nothing where all are there.

        Raises
        ------
        ReportError
            One is gone.
        """
        for path, before in self.known.items():
            if _identity(path) != before:
                raise ReportError(
                    f"{path} is not there any more: a disk was taken out, or the network is down; "
                    "bring it back and run the same command again, which goes on from there"
                )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        facts = os.stat(path)  # noqa: PTH116  (its errors, not its answers)
    except OSError:
        return None
    return (facts.st_dev, facts.st_ino) if path.is_dir() else None
