"""Standard streams whose lines are printed above a drawing on the terminal."""

import sys

from rich.console import Console
from rich.file_proxy import FileProxy


class PrintedAbove:
    """Standard output and standard error, led to the console that draws.

    Rich has the same in Live; but what typer prints goes past that, since rich's stream does not
    say its encoding.
    """

    def __init__(self, console: Console) -> None:
        """Take the console, which draws on a terminal."""
        self._console = console
        self._before = sys.stdout, sys.stderr

    def begin(self) -> None:
        """Print above the drawing; standard output stays where it is unless it is a terminal."""
        self._before = out, err = sys.stdout, sys.stderr
        if out.isatty():
            sys.stdout = _Above(self._console, out)
        sys.stderr = _Above(self._console, err)

    def end(self) -> None:
        """Print as before."""
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = self._before


class _Above(FileProxy):
    @property
    def encoding(self) -> str:  # type: ignore[override]  # TextIO has a variable
        return getattr(self.rich_proxied_file, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return getattr(self.rich_proxied_file, "errors", None) or "strict"
