"""What a command that writes for long does with its process."""

import signal
from typing import NoReturn


def end_on_sigterm() -> None:
    """Let SIGTERM end a command as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_signum: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
