"""The wait that another thread or a signal ends."""

import signal
import threading
import time

from cxr_edge.system.signals import call_at_end
from cxr_edge.system.waker import Waker

LONG = 60.0
"""Seconds that no test waits."""


def test_whoever_wakes_ends_the_wait() -> None:
    """Before it, from another thread, and in a signal handler alike."""
    started = time.monotonic()
    with Waker() as waker:
        waker.wake()
        waker.wait(LONG)
        threading.Timer(0.05, waker.wake).start()
        waker.wait(LONG)
        with call_at_end(waker.wake):
            signal.raise_signal(signal.SIGTERM)
            waker.wait(LONG)
    assert time.monotonic() - started < LONG


def test_a_wait_takes_what_was_called_before() -> None:
    """However often it was woken, the next wait lasts again; and too much waking is no error."""
    with Waker() as waker:
        for _ in range(100_000):
            waker.wake()
        waker.wait(LONG)
        started = time.monotonic()
        waker.wait(0.05)
        assert time.monotonic() - started >= 0.04
    waker.wake()  # nobody waits any more


def test_signals_are_as_before_afterwards() -> None:
    """Whoever catches signals for a while gives them back."""
    before = signal.getsignal(signal.SIGTERM)
    with call_at_end(lambda: None):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
