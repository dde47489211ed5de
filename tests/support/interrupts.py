"""Child processes that Ctrl-C reaches, also where the tests run in the background."""

import signal


def heed_interrupts() -> None:
    """Do not inherit that a shell has its background jobs ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def deliver(number: signal.Signals) -> None:
    """Call the handler of a signal in this process, as its arrival does.

    A real signal ends a process in which OpenVINO's threads have run by a segmentation fault.
    """
    handler = signal.getsignal(number)
    assert callable(handler)
    handler(number, None)
