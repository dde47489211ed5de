"""A wait that another thread, or a signal, can end."""

import os
import select
from contextlib import suppress
from typing import Self


class Waker:
    """A pipe that is waited at; :meth:`wake` may be called in a signal handler, as no lock may."""

    def __init__(self) -> None:
        """Open the pipe."""
        self._reader, self._writer = os.pipe()
        for end in (self._reader, self._writer):
            os.set_blocking(end, False)
        self._waiting = select.poll()
        self._waiting.register(self._reader, select.POLLIN)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the pipe; later calls of :meth:`wake` do nothing."""
        reader, writer, self._writer = self._reader, self._writer, -1
        os.close(reader)
        os.close(writer)

    def wake(self) -> None:
        """End the wait of now, or the next one."""
        with suppress(OSError):  # full: it is woken already
            os.write(self._writer, b"\0")

    def wait(self, seconds: float) -> None:
        """Wait until somebody wakes, or for so long."""
        self._waiting.poll(max(0.0, 1e3 * seconds))
        with suppress(BlockingIOError):
            while os.read(self._reader, 4096):
                pass
