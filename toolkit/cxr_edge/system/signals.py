"""The signals that end a command in good order."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

from cxr_edge.errors import ExitCode

INTERRUPTED: Final = "interrupted"
"""Message of a command that was interrupted; how it continues may follow."""

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heeded() -> list[signal.Signals]:
    """Return the signals that end a command here; nohup and background shells ignore some."""
    return [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]


def end_once() -> None:
    """Turn Ctrl-C, SIGTERM and SIGHUP into a KeyboardInterrupt."""
    for number in heeded():
        signal.signal(number, _interrupt)


@contextmanager
def call_at_end(function: Callable[[], object]) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP call a function while the context lasts, and nothing else.

    It runs between any two steps of the main thread, so it may take no lock.
    """
    before = {number: signal.getsignal(number) for number in heeded()}
    for number in before:
        signal.signal(number, lambda _signum, _frame: function())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_signum: int, _frame: object) -> NoReturn:
    """Interrupt once: later signals must not disturb the closing of files."""
    for number in heeded():
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def end_at_second() -> None:
    """Turn the first Ctrl-C into a KeyboardInterrupt, and end the process at the second."""
    if signal.SIGINT in heeded():
        signal.signal(signal.SIGINT, _interrupt_or_end)


def was_interrupted() -> bool:
    """Tell whether a KeyboardInterrupt was raised here, whatever has become of it.

    A library that calls back into Python may turn it into another error, or go on.
    """
    return _interrupted


_interrupted = False


def _interrupt_or_end(_signum: int, _frame: object) -> NoReturn:
    global _interrupted  # noqa: PLW0603  (a process is interrupted once)
    if _interrupted:
        with suppress(OSError):  # nobody may be left to read it
            os.write(2, f"{INTERRUPTED}\n".encode())
        os._exit(ExitCode.INTERRUPTED)
    _interrupted = True
    raise KeyboardInterrupt
