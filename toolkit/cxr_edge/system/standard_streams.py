"""Standard output and standard error that may be closed, full, or a pipe that nobody reads."""

import errno
import io
import os
import sys
from typing import Final, TextIO

INPUT, OUTPUT, ERROR = range(3)
"""Descriptors that every process starts with."""

_CLOSED: Final = "it is closed"


class Printer(io.TextIOWrapper):
    """A text stream to a descriptor, on which printing never ends a command.

    The first error is kept. From then on the descriptor leads nowhere, so that what is still
    printed, by foreign libraries too, is dropped without another error.
    """

    def __init__(self, descriptor: int, *, encoding: str | None, line_buffering: bool) -> None:
        """Print to a descriptor, which stays open; a name that cannot be encoded is escaped."""
        raw = open(descriptor, "wb", closefd=False)  # noqa: SIM115  (lives as long as this)
        super().__init__(raw, encoding, "backslashreplace", line_buffering=line_buffering)
        self.why_lost = ""
        """Reason why lines are missing; empty where none is."""

    def write(self, text: str) -> int:
        """Write text, or drop it."""
        try:
            return super().write(text)
        except OSError as exc:
            self._give_up(exc)
            return len(text)

    def flush(self) -> None:
        """Hand on what was written, or drop it."""
        try:
            super().flush()
        except OSError as exc:
            self._give_up(exc)

    def _give_up(self, exc: OSError) -> None:
        self.why_lost = _CLOSED if exc.errno == errno.EBADF else exc.strerror or str(exc)
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def take_streams() -> None:
    """Put printers in the place of this process's standard output and standard error.

    A standard descriptor that is closed is taken first: the next file that is opened would get its
    number, and with it whatever a library prints.
    """
    for descriptor in (INPUT, OUTPUT, ERROR):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # gets this number; writing to it still fails
    out, err = map(encoding_of, (sys.stdout, sys.stderr))
    sys.stdout = Printer(OUTPUT, encoding=out, line_buffering=os.isatty(OUTPUT))
    sys.stderr = Printer(ERROR, encoding=err, line_buffering=True)


def encoding_of(stream: TextIO | None) -> str | None:
    """Return the encoding of a stream; None, for the system's, where there is no stream."""
    return stream.encoding if stream else None


def why_output_was_lost() -> str:
    """Return why lines of standard output are missing; empty where all were printed."""
    sys.stdout.flush()
    return sys.stdout.why_lost if isinstance(sys.stdout, Printer) else ""
