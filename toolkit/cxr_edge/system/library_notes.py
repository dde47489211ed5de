"""The notes that TensorFlow and its libraries print on how they compute, kept off the terminal."""

import contextlib
import os
import re
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cxr_edge.system.signals import heeded
from cxr_edge.system.standard_streams import ERROR, Printer, encoding_of

NOTE: Final = re.compile(
    rb"[IW]\d{4} \d\d:\d\d:\d+\.\d+ +\d+ \S+\.\w+:\d+\] "  # absl: I0000 00:00:17.4  12 port.cc:153]
    rb"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IW] "  # TensorFlow's own form
    rb"|WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR"
    rb"|To enable the following instructions: .* rebuild TensorFlow"
    rb"|INFO: (Created TensorFlow Lite|Initialized TensorFlow Lite|Created .*delegate)"
)
"""Lines of information and of warning by their forms, from the start of the line. Lines of error
have the letter E or F in these forms."""

_PATIENCE: Final = 1.0
"""Seconds to wait at the end for what is still to be passed on."""


@contextmanager
def notes_dropped() -> Iterator[None]:
    """Drop the notes that native code prints to standard error while the context lasts.

    Warnings that Keras and TensorFlow make in Python are dropped too: they are about code that no
    user wrote. Everything else passes at once, in order, also what is printed right before a
    crash: a process reads the descriptor, and passes lines on. TensorFlow prints some notes before
    it reads the variable that is to turn them off. Lines of Python go past that process. It is
    forked, so nothing may be loaded and no thread may run yet.
    """
    shown = os.dup(ERROR)
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        os.close(sender)
        _pass_on(receiver, shown)
    os.close(receiver)
    os.dup2(sender, ERROR)
    os.close(sender)
    before = sys.stderr
    sys.stderr = Printer(shown, encoding=encoding_of(before), line_buffering=True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(keras|tensorflow)\b")
            yield
    finally:
        sys.stderr.flush()
        sys.stderr = before
        os.dup2(shown, ERROR)  # the last end of the pipe, so the process ends
        os.close(shown)
        _wait(child)


def _pass_on(receiver: int, shown: int) -> None:
    """Write lines that are no notes, until there is nobody to write any; then end this process."""
    for number in heeded():
        signal.signal(number, signal.SIG_IGN)  # they are for the process that prints
    for descriptor in (0, 1):
        os.close(descriptor)
    with contextlib.suppress(OSError), os.fdopen(receiver, "rb") as lines:
        for line in lines:
            if not NOTE.match(line):
                os.write(shown, line)
    os._exit(0)


def _wait(child: int) -> None:
    """Wait for a process, but not for one that somebody else's process keeps from ending."""
    until = time.monotonic() + _PATIENCE
    while not os.waitpid(child, os.WNOHANG)[0] and time.monotonic() < until:
        time.sleep(0.001)
