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
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

TIMEOUT: Final = 60.0
"""Default time limit per file in seconds, from its first byte read to its pixels."""

SLOTS: Final = 1024
"""Number of workers that have a place in the table; a further one is not supervised."""

_SETTINGS: Final = struct.Struct("=dqqq")
_SLOT: Final = struct.Struct("=Qd")
_NOBODY: Final = 0
_DONE: Final = 0.0
NONE: Final = -1
"""Number of rows while no report is open."""


@dataclass
class InFlightTable:
    """A table in shared memory: limits, rows written, and the file that each worker has in hand."""

    suspects: set[int] = field(default_factory=set)
    """Keys of the files that were in hand when an earlier process died."""

    def __post_init__(self) -> None:
        """Share the table with the processes that this one forks."""
        self._table = mmap.mmap(-1, _SETTINGS.size + SLOTS * _SLOT.size)
        _SETTINGS.pack_into(self._table, 0, 0.0, 0, NONE, NONE)
        self.token = os.urandom(8).hex()
        """Name of this supervised command, which no other has and every child knows."""
        self._own = threading.local()
        self._free = iter(range(SLOTS))

    def limit(self, seconds: float, memory: int) -> None:
        """Set the seconds that a file may take and the bytes that the process may hold."""
        _SETTINGS.pack_into(self._table, 0, seconds, memory, self.rows, NONE)

    @property
    def seconds(self) -> float:
        """Time limit per file in seconds; 0 before :meth:`limit`."""
        return float(_SETTINGS.unpack_from(self._table)[0])

    @property
    def memory(self) -> int:
        """Memory limit of the process in bytes; 0 before :meth:`limit`."""
        return int(_SETTINGS.unpack_from(self._table)[1])

    @property
    def rows(self) -> int:
        """Number of rows in the report; :data:`NONE` while none is open."""
        return int(_SETTINGS.unpack_from(self._table)[2])

    @rows.setter
    def rows(self, count: int) -> None:
        _SETTINGS.pack_into(self._table, 0, self.seconds, self.memory, count, NONE)

    @property
    def started(self) -> bool:
        """Whether a report is open, or was when an earlier child died."""
        return self.rows != NONE

    @property
    def code(self) -> int | None:
        """Exit code of a command that has ended its work; None before."""
        code = int(_SETTINGS.unpack_from(self._table)[3])
        return None if code == NONE else code

    def ended(self, code: int) -> None:
        """Note that everything is done and written; a later crash does not count."""
        _SETTINGS.pack_into(self._table, 0, self.seconds, self.memory, NONE, code)

    @contextmanager
    def at_work(self, path: str) -> Iterator[None]:
        """Note that this thread has a file in hand, while the context lasts."""
        place = self._place()
        if place is None:
            yield
            return
        _SLOT.pack_into(self._table, place, key(path), time.monotonic())
        try:
            yield
        finally:  # it stays in the table: what a decoder breaks can come to light later
            _SLOT.pack_into(self._table, place, key(path), _DONE)

    def in_hand(self) -> dict[int, float]:
        """Return the keys of the files in hand, each with the seconds since it was taken up."""
        now = time.monotonic()
        return {name: now - since for name, since in self._slots() if since != _DONE}

    def last_in_hand(self) -> set[int]:
        """Return the key of the file that each worker has in hand, or had last."""
        return {name for name, _ in self._slots()}

    def clear(self) -> None:
        """Forget the files of a process that has died."""
        self._table[_SETTINGS.size :] = bytes(SLOTS * _SLOT.size)

    def _slots(self) -> list[tuple[int, float]]:
        slots = _SLOT.iter_unpack(self._table[_SETTINGS.size :])
        return [(name, since) for name, since in slots if name != _NOBODY]

    def _place(self) -> int | None:
        if not hasattr(self._own, "place"):
            slot = next(self._free, None)
            self._own.place = None if slot is None else _SETTINGS.size + slot * _SLOT.size
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
