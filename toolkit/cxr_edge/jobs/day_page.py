"""The page of a day's report, made again and again beside the watch."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from cxr_edge.errors import CxrError
from cxr_edge.isolation.subprocess_call import call_in_subprocess
from cxr_edge.jobs.html_report import PageJob, write_html
from cxr_edge.spec.model_spec import ModelSpec

LONGEST: Final = 600.0
"""Seconds after which a page is given up."""

_NICE: Final = 10
"""Niceness of the process that makes a page: files come first."""


@dataclass
class DayPage:
    """The page of one report. A process of its own makes it: its pictures may crash a decoder."""

    job: PageJob
    """Report and page."""
    spec: ModelSpec
    """Spec of the model."""
    every: float
    """Seconds between two pages, at least."""
    tell: Callable[[str], None]
    """Function that gets the message of a page that cannot be made."""
    clock: Callable[[], float] = time.monotonic
    """Function that returns seconds."""
    _changed: bool = field(default=False, init=False)
    _made: float = field(default=float("-inf"), init=False)
    _maker: threading.Thread | None = field(default=None, init=False)

    def changed(self) -> None:
        """Note that the report has other rows than the page."""
        self._changed = True

    def make_if_due(self) -> None:
        """Start to make the page if it is old and none is being made."""
        if not self._is_made() and self.clock() - self._made >= self.every:
            self._start()

    def finish(self, within: float = LONGEST) -> None:
        """Make the page a last time, after one that is being made; wait for so long."""
        until = self.clock() + within
        for _ in range(2):
            if self._maker:
                self._maker.join(max(0.0, until - self.clock()))
                if self._maker.is_alive():
                    return
            if not self._is_made():
                self._start()

    def finish_beside(self) -> None:
        """Make the page a last time, in a thread that nobody waits for."""
        threading.Thread(target=self.finish, name="last page", daemon=True).start()

    def _is_made(self) -> bool:
        return not self._changed or (self._maker is not None and self._maker.is_alive())

    def _start(self) -> None:
        self._changed = False
        self._made = self.clock()
        self._maker = threading.Thread(target=self._make, name="page", daemon=True)
        self._maker.start()

    def _make(self) -> None:
        try:
            call_in_subprocess(make_page, self.job, self.spec, within=LONGEST)
        except CxrError as exc:
            self.tell(f"{self.job.out} was not made: {exc}")


def make_page(job: PageJob, spec: ModelSpec) -> None:
    """Write the page of a report, in a process that gives way to others."""
    with suppress(OSError):
        os.nice(_NICE)
    write_html(job, spec)
