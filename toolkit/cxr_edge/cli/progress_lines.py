"""The lines that show the progress of long commands on a terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from cxr_edge.system.progress import shown_on

_EVERY: Final = 0.1
"""Seconds between two drawings. No thread draws: one would disturb what is timed meanwhile."""


@contextmanager
def progress_shown(*, quiet: bool) -> Iterator[None]:
    """Show progress on standard error while the context lasts, if that is a terminal.

    Parameters
    ----------
    quiet
        Whether the user asked for none.
    """
    if quiet or not sys.stderr.isatty():
        yield
        return
    display = TerminalDisplay()
    try:
        with shown_on(display):
            yield
    finally:
        display.close()


class TerminalDisplay:
    """A line for each work that is going on, with its count where that is known; then removed."""

    def __init__(self) -> None:
        from rich.console import Console  # loaded for a terminal alone
        from rich.live import Live

        from cxr_edge.cli.above_progress import PrintedAbove

        console = Console(stderr=True)
        self._printed = PrintedAbove(console)
        self._live = Live(
            console=console,
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._works: list[_Work] = []
        self._drawn = 0.0

    def begin(self, what: str, total: int | None) -> None:
        """Draw a line."""
        self._works.append(_Work(what, total))
        if len(self._works) == 1:
            self._live.start()
            self._printed.begin()
        self._draw()

    def advance(self) -> None:
        """Count one more on the last line."""
        self._works[-1].done += 1
        if time.monotonic() - self._drawn >= _EVERY:
            self._draw()

    def end(self) -> None:
        """Remove the last line."""
        if not self._works:
            return
        self._works.pop()
        self._draw()
        if not self._works:
            self._printed.end()
            self._live.stop()

    def close(self) -> None:
        """Remove every line: work that an error ends may not have said so."""
        while self._works:
            self.end()

    def _draw(self) -> None:
        from rich.text import Text

        self._drawn = time.monotonic()
        self._live.update(Text("\n".join(map(str, self._works))), refresh=True)


@dataclass
class _Work:
    what: str
    total: int | None
    done: int = 0

    def __str__(self) -> str:
        if self.total is None:
            return f"{self.what} {self.done or '...'}"
        return f"{self.what} {self.done}/{self.total}"
