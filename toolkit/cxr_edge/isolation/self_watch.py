"""A process that ends itself where nobody supervises it: its files' decoders may hang or grow."""

import os
import signal
import threading
import time
from typing import Final, NoReturn

from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.system.memory import resident_memory

LOOK_EVERY: Final = 0.1
"""Seconds between two looks."""


def watch_self(in_flight: InFlightTable) -> None:
    """End this process by a signal when a file takes too long, or it holds too much memory.

    Parameters
    ----------
    in_flight
        Table of the files in hand, with its limits.
    """
    threading.Thread(target=_watch, args=(in_flight,), daemon=True).start()


def _watch(in_flight: InFlightTable) -> NoReturn:
    while True:
        # A decoder that holds Python's lock keeps this thread too: then the system's timer ends it.
        signal.setitimer(signal.ITIMER_REAL, in_flight.seconds)
        time.sleep(LOOK_EVERY)
        if in_flight.overdue() or 0 < in_flight.memory < resident_memory(os.getpid()):
            os.kill(os.getpid(), signal.SIGKILL)
