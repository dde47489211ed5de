"""The table of files in flight, by which a process is supervised from outside.

A native decoder that crashes, hangs or eats all memory takes its process along. So the process that
the user starts forks before it loads anything, the child scans, and the parent supervises it. Each
worker notes in shared memory which file it has in hand, and since when. Where the child dies or has
to be killed, the next child decodes each file that was in hand in a process of its own, where it
can do no harm.
"""

import hashlib
import mmap
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from cxr_edge.system.ranges import WORKERS

TIMEOUT: Final = 60.0
"""Default time limit per file in seconds, from its first byte read to its pixels."""

SLOTS: Final = int(WORKERS.most)
"""Number of workers that have a place in the table; a further one is not supervised."""

NONE: Final = -1
"""Number of rows while no report is open."""

_WORD: Final = 8
"""Bytes of a number, which the processor writes as a whole where they are aligned."""

_SECONDS, _MEMORY, _ROWS, _CODE, _SETTINGS = range(5)
"""Words of the table; after these stand the keys of all files in hand, then the times."""

_ENDED: Final = int.from_bytes(b"\0ended\0\0")
"""Number that an exit code is added to, so that a word that nobody wrote is none."""

_CODES: Final = range(_ENDED, _ENDED + 256)
"""Words that say that all is done."""

_NOBODY: Final = 0
_DONE: Final = 0.0


@dataclass
class InFlightTable:
    """A table in shared memory: limits, rows written, and the file that each worker has in hand.

    Every field is a word of its own and is written by itself, so whoever reads it finds the value
    before or the value after, wherever the process that writes is, and even if it is killed there.
    """

    suspects: set[int] = field(default_factory=set)
    """Keys of the files that were in hand when an earlier process died."""

    def __post_init__(self) -> None:
        """Share the table with the processes that this one forks."""
        table = memoryview(mmap.mmap(-1, (_SETTINGS + 2 * SLOTS) * _WORD))
        self._numbers = table.cast("q")
        self._fractions = table.cast("d")
        keys = _SETTINGS * _WORD
        times = keys + SLOTS * _WORD
        self._keys = table[keys:times].cast("Q")
        self._times = table[times:].cast("d")
        self.token = os.urandom(8).hex()
        """Name of this supervised command, which no other has and every child knows."""
        self._own = threading.local()
        self._free = iter(range(SLOTS))
        self.rows = NONE

    def limit(self, seconds: float, memory: int) -> None:
        """Set the seconds that a file may take and the bytes that the process may hold."""
        self._fractions[_SECONDS] = seconds
        self._numbers[_MEMORY] = memory

    @property
    def seconds(self) -> float:
        """Time limit per file in seconds; 0 before :meth:`limit`."""
        return self._fractions[_SECONDS]

    @property
    def memory(self) -> int:
        """Memory limit of the process in bytes; 0 before :meth:`limit`."""
        return self._numbers[_MEMORY]

    @property
    def rows(self) -> int:
        """Number of rows in the report; :data:`NONE` while none is open."""
        return self._numbers[_ROWS]

    @rows.setter
    def rows(self, count: int) -> None:
        self._numbers[_ROWS] = count

    @property
    def started(self) -> bool:
        """Whether a report is open, or was when an earlier child died."""
        return self.rows != NONE

    @property
    def code(self) -> int | None:
        """Exit code of a command that has ended its work; None before."""
        word = self._numbers[_CODE]
        return word - _ENDED if word in _CODES else None

    def ended(self, code: int) -> None:
        """Note that everything is done and written; a later crash does not count."""
        self._numbers[_CODE] = _ENDED + code
        self.rows = NONE

    def goes_on(self) -> None:
        """Take back :meth:`ended`: another report follows, and a crash counts again."""
        self._numbers[_CODE] = 0

    @contextmanager
    def at_work(self, path: str) -> Iterator[None]:
        """Note that this thread has a file in hand, while the context lasts."""
        place = self._place()
        if place is None:
            yield
            return
        self._keys[place] = key(path)
        self._times[place] = time.monotonic()
        try:
            yield
        finally:  # it stays in the table: what a decoder breaks can come to light later
            self._times[place] = _DONE

    def in_hand(self) -> dict[int, float]:
        """Return the keys of the files in hand, each with the seconds since it was taken up."""
        now = time.monotonic()
        return {name: now - since for name, since in self._slots() if since != _DONE}

    def overdue(self) -> set[int]:
        """Return the keys of the files that are in hand for longer than a file may take."""
        limit = self.seconds
        return {name for name, since in self.in_hand().items() if limit and since > limit}

    def last_in_hand(self) -> set[int]:
        """Return the key of the file that each worker has in hand, or had last."""
        return {name for name, _ in self._slots()}

    def clear(self) -> None:
        """Forget the files of a process that has died."""
        for place in range(SLOTS):
            self._times[place] = _DONE
            self._keys[place] = _NOBODY

    def _slots(self) -> list[tuple[int, float]]:
        slots = zip(self._keys, self._times, strict=True)
        return [(name, since) for name, since in slots if name != _NOBODY]

    def _place(self) -> int | None:
        if not hasattr(self._own, "place"):
            self._own.place = next(self._free, None)
        place: int | None = self._own.place
        return place


def key(path: str) -> int:
    """Return the key of a file: 64 bits of a digest of its path, never 0.

    Two files with one key are both decoded in processes of their own: slower, nothing else.
    """
    digest = hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest) or 1


_current: InFlightTable | None = None


def supervised_by(in_flight: InFlightTable | None) -> None:
    """Take the table of the process that supervises this one."""
    global _current  # noqa: PLW0603  (a process has one parent)
    _current = in_flight


def current_table() -> InFlightTable:
    """Return the table that the supervisor reads; where there is none, one that nobody reads."""
    return _current or InFlightTable()
