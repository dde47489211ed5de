"""Child processes that Ctrl-C reaches, also where the tests run in the background."""

import signal


def heed_interrupts() -> None:
    """Do not inherit that a shell has its background jobs ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
