"""The signals that end a command in good order."""

import signal
from typing import Final, NoReturn

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heeded() -> list[signal.Signals]:
    """Return the signals that end a command here; nohup and background shells ignore some."""
    return [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]


def end_once() -> None:
    """Turn Ctrl-C, SIGTERM and SIGHUP into a KeyboardInterrupt."""
    for number in heeded():
        signal.signal(number, _interrupt)


def _interrupt(_signum: int, _frame: object) -> NoReturn:
    """Interrupt once: later signals must not disturb the closing of files."""
    for number in heeded():
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
