"""The signals that end a command, once and in good order."""

import signal
from typing import Final, NoReturn

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heeded() -> list[signal.Signals]:
    """Return those that are not ignored: nohup, or a shell in the background, asks for that."""
    return [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]


def end_once() -> None:
    """Let Ctrl-C, SIGTERM and SIGHUP end a command alike, as KeyboardInterrupt."""
    for number in heeded():
        signal.signal(number, _interrupt)


def _interrupt(_signum: int, _frame: object) -> NoReturn:
    """End it once, however often it is asked to: what it writes is being closed."""
    for number in heeded():
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
