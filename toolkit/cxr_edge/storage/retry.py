"""Opening a file that cannot be had at this moment, but probably in the next one."""

import errno
import os
import time
from collections.abc import Callable
from typing import Final, TypeVar

from cxr_edge.errors import MachineError

T = TypeVar("T")

WAIT: Final = 5.0
"""Seconds that are waited at most for one file."""

_PAUSE: Final = 0.02
"""Seconds between two tries."""

_SHORTAGES: Final = {
    errno.EMFILE: "use fewer --workers, or raise the limit (ulimit -n),",
    errno.ENFILE: "end other programs",
    errno.ENOMEM: "free memory",
}
"""Errors that say something of the machine and nothing of the file, each with what helps."""


def patiently(call: Callable[[], T]) -> T:
    """Call a function that opens a file or folder, again if waiting can help.

    Waiting helps if all descriptors are in use, since other threads give theirs back; and if
    another program has a lease on the file, as Samba has for a client. The first try asks that
    program to give it up.

    Raises
    ------
    MachineError
        As :func:`refuse_shortage`.
    OSError
        As the function raises it.
    """
    until = time.monotonic() + WAIT
    while True:
        try:
            return call()
        except OSError as exc:
            if exc.errno != errno.EAGAIN and exc.errno not in _SHORTAGES:
                raise
            if time.monotonic() >= until:
                refuse_shortage(exc)
                why = "another program has it for itself and does not give it up"
                raise OSError(exc.errno, why) from exc
        time.sleep(_PAUSE)


def refuse_shortage(exc: OSError) -> None:
    """Raise where an error is the trouble of the machine and not of the file.

    Raises
    ------
    MachineError
        Descriptors or memory of the system are used up.
    """
    if exc.errno is not None and (helps := _SHORTAGES.get(exc.errno)):
        raise MachineError(
            f"expected to open one more file, got: {os.strerror(exc.errno)}; {helps} and run the "
            "same command again"
        ) from exc
