"""The inbox of a watch: which of its files are new and whole."""

import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from cxr_edge.pipeline.discover import ImageItem, candidates, why_skipped
from cxr_edge.pipeline.skipped import Skipped
from cxr_edge.storage.local import UNLINKED
from cxr_edge.storage.move import FileMark
from cxr_edge.storage.written_now import is_written
from cxr_edge.system.mounts import file_system

DONE: Final = float("inf")
"""Time at which a file is looked at again that is done with."""

HELD: Final = 300.0
"""Seconds for which a file that stays as it is waits for a program that has it open for writing."""

_OWN_DISKS: Final = frozenset(
    {"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"}
)
"""File systems that know all that happens in them, and who has a file open. Network shares know
neither, and some of them call every file open for writing."""

_SHORTEST: Final = 0.05
"""Seconds between two looks at least."""

_SHARE: Final = 10
"""Times the duration of a look that is waited before the next, so that looking costs a tenth of a
CPU at most, however large the inbox is."""


@dataclass(frozen=True)
class Arrival:
    """A file that is new and whole."""

    item: ImageItem
    """The file."""
    mark: FileMark
    """Mark by which it is known again."""
    seen: float
    """Time by the clock when it was first seen, seconds."""


@dataclass
class _Seen:
    """A file in the inbox, as it was found last."""

    mark: FileMark
    """Its mark."""
    first: float
    """Time when it was first seen."""
    due: float
    """Time from which on it counts as whole if its mark stays; infinity once it is done with."""
    is_old: bool = False
    """Whether its bytes were old enough when it was first seen."""
    skipped: str = ""
    """Why it is not taken, by key of :data:`cxr_edge.pipeline.skipped.SKIP_REASONS`."""


@dataclass
class Inbox:
    """A folder with everything below it, links left out, that is looked into again and again.

    A file is whole once its size and times have stayed for a while, and no program of this machine
    has it open for writing, on disks that know that. One whose bytes are older than that when it is
    first seen, and that surely nobody writes, was renamed into place: it is whole at once.
    """

    folder: Path
    """The folder."""
    settle: float
    """Seconds for which a file must stay as it is."""
    clock: Callable[[], float] = time.monotonic
    """Function that returns seconds."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Counts of what lay there at the last look and is not taken, by key of
    :data:`cxr_edge.pipeline.skipped.SKIP_REASONS`."""

    def __post_init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._took = 0.0

    @property
    def identity(self) -> Hashable:
        """Value that only this folder has; raises OSError where it is gone."""
        return UNLINKED.identity(str(self.folder))

    @property
    def on_own_disk(self) -> bool:
        """Whether the system knows of all that happens in the folder."""
        return file_system(str(self.folder)) in _OWN_DISKS

    def look(self) -> list[Arrival]:
        """Return the files that are new and whole, sorted by their path.

        A file is returned again until it is done with.

        Raises
        ------
        UsageError, FolderGone
            The folder is not there, or cannot be read.
        """
        now = self.clock()
        there: dict[str, _Seen] = {}
        arrivals = []
        skipped = Skipped()
        written = is_written if self.on_own_disk else _unknown
        for item in candidates([self.folder], UNLINKED, skipped=skipped):
            try:
                status = os.lstat(item.where)
            except OSError:  # it has gone again
                continue
            if not stat.S_ISREG(status.st_mode):
                continue
            there[item.path] = seen = self._as_seen(item.path, status, now)
            if not _is_whole(seen, now, partial(written, item.where)):
                continue
            if reason := why_skipped(item):
                seen.due, seen.is_old, seen.skipped = DONE, False, reason
            else:
                arrivals.append(Arrival(item, seen.mark, seen.first))
        self._seen = there
        no_images = (seen.skipped for seen in there.values() if seen.skipped)
        self.skipped = skipped.counts + Counter(no_images)
        self._took = self.clock() - now
        return arrivals

    def done(self, arrival: Arrival) -> None:
        """Do not return a file again, as long as it stays as it was."""
        self._later(arrival, DONE)

    def put_off(self, arrival: Arrival, seconds: float) -> None:
        """Return a file again, but not before some seconds have passed."""
        self._later(arrival, self.clock() + seconds)

    @property
    def waiting(self) -> int:
        """Number of files that are not done with."""
        return sum(seen.due != DONE for seen in self._seen.values())

    def pause(self, most: float) -> float:
        """Return the seconds until the next look, which may be earlier for files that settle."""
        due = min((seen.due for seen in self._seen.values()), default=DONE)
        soon = max(due - self.clock(), self.settle / 4, _SHORTEST)
        return max(min(most, soon), _SHARE * self._took)

    def _as_seen(self, path: str, status: os.stat_result, now: float) -> _Seen:
        mark = FileMark.of(status)
        seen = self._seen.get(path)
        if seen and seen.mark == mark:
            return seen
        first = seen.first if seen and seen.due != DONE else now
        is_old = not seen and time.time() - status.st_mtime >= self.settle
        return _Seen(mark, first, now + self.settle, is_old)

    def _later(self, arrival: Arrival, due: float) -> None:
        seen = self._seen.get(arrival.item.path)
        if seen and seen.mark == arrival.mark:
            seen.due, seen.is_old = due, False


def _is_whole(seen: _Seen, now: float, written: Callable[[], bool | None]) -> bool:
    """Tell whether a file is whole.

    Parameters
    ----------
    seen
        The file.
    now
        Time by the clock, seconds.
    written
        Tells whether a program has it open for writing; None where nobody knows.
    """
    if seen.due <= now:
        return now - seen.due >= HELD or not written()
    return seen.is_old and written() is False


def _unknown(_path: str) -> None:
    """Know nothing."""
