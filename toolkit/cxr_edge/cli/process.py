"""What a command that writes for long does with its process."""

import signal
from typing import Final, NoReturn

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_once() -> None:
    """Let Ctrl-C, SIGTERM and SIGHUP end a command alike, as KeyboardInterrupt."""
    for number in _ENDING:
        signal.signal(number, _interrupt)


def _interrupt(_signum: int, _frame: object) -> NoReturn:
    """End it once, however often it is asked to: what it writes is being closed."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
