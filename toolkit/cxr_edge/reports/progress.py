"""The meter of a run: how many files are done, how fast, and how long the rest takes."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from cxr_edge.errors import CxrError
from cxr_edge.pipeline.skipped import OTHER
from cxr_edge.reports.manifest import Manifest

WINDOW: Final = 30.0
"""Seconds over which the recent rate is taken."""

_SPACING: Final = 1.0
"""Seconds between two of the moments that are remembered for the rate."""


@dataclass(frozen=True)
class Progress:
    """Progress of a run at one moment."""

    rows: int
    """Files in the report, those of an earlier run too."""
    ok: int
    """Files that were scored or converted."""
    failed: int
    """Files that were not."""
    total: int | None
    """Files to be done in all; None while they are still counted."""
    files_per_second: float | None
    """Rate of this run over the last :data:`WINDOW` seconds; None before the first batch."""
    seconds_left: float | None
    """Time left at this rate; None when rate or total is unknown."""


class Meter:
    """Counts the files there are in a thread beside the run, and times those that are done.

    Names are counted, and no file is opened for it. Files that turn out to be no image are taken
    off the total as the run comes to them, so it is exact by the time that all are found.
    """

    def __init__(
        self, names: Iterable[object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the files of the run, those in the report too.

        Parameters
        ----------
        names
            Everything that the run may come to take; consumed in a thread that ends with the
            process, or by :meth:`stop`.
        clock
            Function that returns seconds.
        """
        self._names = names
        self._clock = clock
        self._named: int | None = None
        self._manifest: Manifest | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._count, name="count", daemon=True)
        self._moments: deque[tuple[float, int]] = deque()

    def begin(self, manifest: Manifest) -> None:
        """Start the clock and the counting, with the rows that the report has already."""
        self._manifest = manifest
        self._moments.append((self._clock(), manifest.counts.rows))
        self._thread.start()

    def stop(self) -> None:
        """Let the counting end at the next file, and do not wait for a slow disk."""
        self._stopped.set()

    def read(self) -> Progress:
        """Return the progress, by the counts of the manifest as they are now."""
        assert self._manifest
        counts, skipped = self._manifest.counts, self._manifest.skipped
        rate = self._rate(counts.rows)
        total = self._named
        if total is not None:
            total = max(counts.rows, total - skipped[OTHER])
        left = round((total - counts.rows) / rate, 1) if rate and total is not None else None
        return Progress(counts.rows, counts.ok, counts.failed, total, rate, left)

    def _count(self) -> None:
        count = 0
        try:
            for _ in self._names:
                count += 1
                if self._stopped.is_set():
                    return
        except CxrError:  # a folder vanished; the run comes to it, and says so
            return
        self._named = count

    def _rate(self, rows: int) -> float | None:
        now = self._clock()
        moments = self._moments
        while len(moments) > 1 and moments[1][0] <= now - WINDOW:
            moments.popleft()
        start, before = moments[0]
        if now - moments[-1][0] >= _SPACING:
            moments.append((now, rows))
        return round((rows - before) / (now - start), 2) if now > start and rows > before else None
