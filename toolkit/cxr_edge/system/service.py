"""The service manager that started this process, and what it is told."""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

ALIVE_EVERY: Final = 1.0
"""Seconds between two messages that this process is alive, at least."""


class ServiceManager:
    """systemd, told by datagrams to the socket that ``NOTIFY_SOCKET`` names; or nobody.

    The protocol is that of sd_notify(3). The sender is a child of the process that systemd started,
    so a unit needs ``NotifyAccess=all``.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Find the socket; a name that starts with ``@`` is one without a file."""
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{name[1:]}" if name.startswith("@") else name
        self._next = 0.0
        self._status = ""

    def ready(self) -> None:
        """Tell that the service has started."""
        self._tell("READY=1")

    def alive(self) -> None:
        """Tell that the service works, for its watchdog; every :data:`ALIVE_EVERY` at most."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + ALIVE_EVERY
            self._tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Tell what the service does, in a line for people."""
        if text != self._status:
            self._status = text
            self._tell(f"STATUS={text}")

    def stopping(self) -> None:
        """Tell that the service ends."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            out.sendto(message.encode(), self._address)
