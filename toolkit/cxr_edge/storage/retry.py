"""Trying again what fails at this moment, but probably not in the next one."""

import errno
import os
import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from cxr_edge.errors import MachineError

T = TypeVar("T")

WAIT: Final = 5.0
"""Seconds that are waited at most for one file."""

_PAUSE: Final = 0.02
"""Seconds between two tries."""

ASK: Final = 30.0
"""Seconds within which a server is asked again: less than a file may take."""

_FIRST_WAIT: Final = 0.2
"""Seconds before a server is asked again for the first time, at most."""

_LONGEST_WAIT: Final = 8.0
"""Seconds between two questions to a server, at most."""

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


def with_back_off(
    call: Callable[[], T],
    may_pass: Callable[[Exception], bool],
    within: float = ASK,
    *,
    asked: Callable[[Exception], float] = lambda _: 0.0,
) -> T:
    """Ask a server, again after a growing pause if its trouble may pass.

    A pause lasts a random part of 0.2 s, 0.4 s, 0.8 s and so on up to 8 s, so that many who were
    turned away together do not come back together.

    Parameters
    ----------
    call
        Function that asks it.
    may_pass
        Tells whether an error says nothing about the question.
    within
        Seconds after which it is not asked again.
    asked
        Returns the seconds of rest that the server asked for with an error.

    Raises
    ------
    Exception
        As the function raises it for the last time.
    """
    until = time.monotonic() + within
    longest = _FIRST_WAIT
    while True:
        try:
            return call()
        except Exception as exc:
            pause = max(random.uniform(0, longest), asked(exc))  # noqa: S311  (no secret)
            if not may_pass(exc) or time.monotonic() + pause > until:
                raise
        time.sleep(pause)
        longest = min(2 * longest, _LONGEST_WAIT)


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
