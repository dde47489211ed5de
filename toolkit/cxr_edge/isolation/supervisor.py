"""The supervisor: a command runs in a child process, and continues in a new one if that dies."""

import contextlib
import os
import select
import signal
import sys
import threading
from typing import Final

from cxr_edge.isolation.heartbeat import InFlightTable, supervised_by
from cxr_edge.system.memory import resident_memory
from cxr_edge.system.signals import heeded

LOOK_EVERY: Final = 0.1
"""Seconds between two checks of a child."""

GRACE: Final = 20.0
"""Seconds that an interrupted scan has to close its report."""

IN_VAIN: Final = 64
"""Number of children in a row that may die without a new row: later files may crash them."""

AT_ONCE: Final = 3
"""Number of children in a row that may die before they have a file in hand."""

_ERROR: Final = 1
_INTERRUPTED: Final = 130


def supervise(command: str, advice: str) -> int | None:
    """Return the exit code of the command; None in the child that is to do its work.

    Nothing but the standard library is loaded yet and no thread runs, so a fork is safe and cheap.
    """
    in_flight = InFlightTable()
    asked: list[int] = []
    in_vain = 0
    for number in heeded():
        signal.signal(number, lambda signum, _frame: asked.append(signum))
    while True:
        rows = in_flight.rows
        child = _Child.fork(in_flight)
        if child is None:
            return None
        code = child.wait(in_flight, asked)
        if in_flight.code is not None:  # all was done; a later crash does not count
            return code if code >= 0 else in_flight.code
        if asked:
            return _INTERRUPTED
        if code >= 0:
            return code
        in_hand = child.overdue or in_flight.last_in_hand()
        in_flight.clear()
        in_flight.suspects |= in_hand
        in_vain = 0 if in_flight.rows > rows else in_vain + 1
        if in_vain >= (IN_VAIN if in_hand else AT_ONCE):
            died = signal.Signals(-code).name
            if child.too_large:
                died += " (it held more than --max-memory)"
            sys.stderr.write(
                f"error: the {command} was ended by {died} {in_vain} times in a row without a new "
                f"row; written rows are kept, and the same command continues{advice}\n"
            )
            return _ERROR


class _Child:
    """A forked process, as its parent sees it."""

    def __init__(self, pid: int, life: int, leash: int) -> None:
        """Take the process number and pipes that :meth:`fork` made."""
        self._pid, self._life, self._leash = pid, life, leash
        self.overdue: set[int] = set()
        """Keys of the files that took too long, for which it was killed."""
        self.too_large = False
        """Whether it was killed because it held too much memory."""

    @classmethod
    def fork(cls, in_flight: InFlightTable) -> "_Child | None":
        """Return the child; None in the child itself."""
        life, child_life = os.pipe()  # closed by the death of the child, which the parent sees
        child_leash, leash = os.pipe()  # closed by the death of the parent, which the child sees
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            os.close(child_life)
            os.close(child_leash)
            return cls(pid, life, leash)
        os.close(life)
        os.close(leash)
        for number in heeded():
            signal.signal(number, signal.SIG_DFL)  # until the command can end by itself
        threading.Thread(target=_die_with_parent, args=(child_leash,), daemon=True).start()
        supervised_by(in_flight)
        return None

    def wait(self, in_flight: InFlightTable, asked: list[int]) -> int:
        """Wait for its end, killing it if needed; return its exit code, or minus its signal."""
        passed_on, patience = 0, GRACE
        ended = select.poll()  # select() knows no more than 1,024 descriptors
        ended.register(self._life)
        while not ended.poll(1e3 * LOOK_EVERY):
            if len(asked) > passed_on:
                passed_on = len(asked)
                self._send(asked[-1])
            if passed_on:
                patience -= LOOK_EVERY
            self.overdue = in_flight.overdue()
            self.too_large = 0 < in_flight.memory < resident_memory(self._pid)
            if patience < 0 or self.overdue or self.too_large:
                self._send(signal.SIGKILL)
                break
        _, status = os.waitpid(self._pid, 0)
        os.close(self._life)
        os.close(self._leash)
        return os.waitstatus_to_exitcode(status)

    def _send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, number)


def _die_with_parent(leash: int) -> None:
    """End this process at once when its parent has ended, leaving the report as it is."""
    os.read(leash, 1)
    os.kill(os.getpid(), signal.SIGKILL)
