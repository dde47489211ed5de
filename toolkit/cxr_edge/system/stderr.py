"""Lines of foreign libraries kept off standard error."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import IO, Final

_TURN: Final = Lock()
"""Held by the thread that has exchanged the file descriptor."""


@contextmanager
def drop_lines(fragment: bytes) -> Iterator[list[bytes]]:
    """Drop lines that contain a fragment from what is written to standard error meanwhile.

    File descriptor 2 belongs to the whole process, so what other threads write in this time is
    held back too: it follows at the end, in order, and nothing but the dropped lines is lost.
    Threads that come here take turns. A process that is started in this time inherits the file in
    which lines are held back, and what it writes there is lost.

    Parameters
    ----------
    fragment
        Text by which the lines are known.

    Yields
    ------
    list of bytes
        Lines dropped; filled at the end.
    """
    dropped: list[bytes] = []
    with _TURN:
        try:
            shown = os.dup(2)
        except OSError:  # standard error is closed
            yield dropped
            return
        with _unnamed_file() as held:
            os.dup2(held.fileno(), 2)
            try:
                yield dropped
            finally:
                os.dup2(shown, 2)
                os.close(shown)
                held.seek(0)
                for line in held.readlines():
                    if fragment in line:
                        dropped.append(line)
                    else:
                        with suppress(OSError):  # a full disk is no reason to stop
                            os.write(2, line)


def _unnamed_file() -> IO[bytes]:
    """Return a file that no folder lists, in memory where the system can."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("stderr"), "w+b")
    return tempfile.TemporaryFile()
