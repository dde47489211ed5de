"""The wish that a service ends."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count

import pytest

from cxr_edge.system.stop import stop_at_signal

LONG = 60.0
"""Seconds that no test waits."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_to_stop_and_ends_every_wait(number: signal.Signals) -> None:
    """Whether it comes before the wait or in it; and it is no error then."""
    started = time.monotonic()
    with stop_at_signal() as stop:
        assert not stop.wait(0)
        main = threading.main_thread().ident
        assert main
        threading.Timer(0.05, signal.pthread_kill, (main, number)).start()
        assert stop.wait(LONG)
        assert stop.wait(LONG)
    assert time.monotonic() - started < LONG


def test_who_wakes_does_not_ask_to_stop() -> None:
    """A wait ends early, and the service goes on."""
    started = time.monotonic()
    with stop_at_signal() as stop:
        stop.wake()
        assert not stop.wait(LONG)
    assert time.monotonic() - started < LONG


def test_a_signal_can_come_at_any_step_of_a_wait() -> None:
    """No step holds a lock that the signal needs, which would hold both up for ever."""
    for step in count(1):
        steps = count(1)

        def interrupt(*_: object, steps: Iterator[int] = steps, step: int = step) -> object:
            if next(steps) == step:
                signal.raise_signal(signal.SIGTERM)
            return interrupt

        with stop_at_signal() as stop:
            before = sys.gettrace()
            sys.settrace(interrupt)
            try:
                stop.wait(0)
            finally:
                sys.settrace(before)
            if next(steps) <= step:
                break
            assert stop.wait(LONG)
    assert step > 5
