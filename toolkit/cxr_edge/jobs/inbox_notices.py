"""Notices of the operating system that something happened in a folder."""

import threading
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Final

AGAIN: Final = 30.0
"""Seconds after which notices are asked for again where there were none."""


class Notices:
    """A thread that calls a function whenever something happened in a folder.

    It says neither what nor how often: whoever is called looks for himself, so a lost notice loses
    no file. Where the library ``watchfiles`` is not installed, or the system gives no notices, it
    is never called.
    """

    def __init__(self, folder: Path, call: Callable[[], None]) -> None:
        """Take the folder; :meth:`keep_up` starts the thread."""
        self._folder = folder
        self._call = call
        self._identity: Hashable = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._next = 0.0

    @property
    def are_given(self) -> bool:
        """Whether the thread is at work."""
        return self._thread is not None and self._thread.is_alive()

    def keep_up(self, identity: Hashable) -> None:
        """See to it that the notices are of the folder that is there now.

        Parameters
        ----------
        identity
            Value that only this folder has.
        """
        if self.are_given and identity == self._identity:
            return
        if identity == self._identity and time.monotonic() < self._next:
            return
        self.end()
        self._identity = identity
        self._next = time.monotonic() + AGAIN
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._listen, args=(self._stop,), name="notices", daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        """End the thread, and do not wait for it."""
        self._stop.set()

    def _listen(self, stop: threading.Event) -> None:
        try:
            from watchfiles import watch
        except ImportError:
            return
        try:
            for _ in watch(
                self._folder,
                watch_filter=None,
                debounce=200,
                stop_event=stop,
                rust_timeout=1000,
                yield_on_timeout=False,
                raise_interrupt=False,
            ):
                self._call()
        except Exception:  # noqa: BLE001  (whatever the system lacks, the folder is polled)
            return
