"""How far a scan is: who is told, how fast it goes, and how much is left."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from cxr_edge.errors import CxrError
from cxr_edge.reports.counts import Counts

WINDOW: Final = 30.0
"""Seconds that the recent rate is taken over."""

_APART: Final = 1.0
"""Seconds between two of the moments that are remembered for it."""


@dataclass(frozen=True)
class Standing:
    """How far a scan is at one moment."""

    rows: int
    """Files in the report, those of an earlier run too."""
    ok: int
    """Scored."""
    failed: int
    """Not scored."""
    total: int | None
    """Files there are; None while they are still counted."""
    files_per_second: float | None
    """Of this run, over the last :data:`WINDOW` seconds; None before the first batch."""
    seconds_left: float | None
    """At this rate; None where rate or total are not known."""


class Meter:
    """Counts what there is to do in a thread beside the scan, and what is done by the clock."""

    def __init__(
        self, items: Iterable[object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take all files of the scan, those in the report too; none is touched before they begin.

        Parameters
        ----------
        items
            Consumed in a thread that ends with the process, or by :meth:`stop`.
        clock
            Seconds.
        """
        self._items = items
        self._clock = clock
        self._total: int | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._count, name="count", daemon=True)
        self._moments: deque[tuple[float, int]] = deque()

    def begin(self, rows: int) -> None:
        """Start the clock where ``rows`` files are in the report already, and the counting."""
        self._moments.append((self._clock(), rows))
        self._thread.start()

    def stop(self) -> None:
        """Let the counting end at the next file; nobody waits for a slow disk."""
        self._stopped.set()

    def read(self, counts: Counts) -> Standing:
        """Return how far it is, with these rows in the report."""
        rate = self._rate(counts.rows)
        total = self._total
        left = None
        if rate and total is not None:
            left = round(max(0, total - counts.rows) / rate, 1)
        return Standing(counts.rows, counts.ok, counts.failed, total, rate, left)

    def _count(self) -> None:
        count = 0
        try:
            for _ in self._items:
                count += 1
                if self._stopped.is_set():
                    return
        except CxrError:  # a folder went; the scan comes to it, and says so
            return
        self._total = count

    def _rate(self, rows: int) -> float | None:
        now = self._clock()
        moments = self._moments
        while len(moments) > 1 and moments[1][0] <= now - WINDOW:
            moments.popleft()
        start, before = moments[0]
        if now - moments[-1][0] >= _APART:
            moments.append((now, rows))
        return round((rows - before) / (now - start), 2) if now > start and rows > before else None
