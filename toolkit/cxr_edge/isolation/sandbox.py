"""The sandbox for files whose decoder may crash, hang or eat all memory."""

import contextlib
import math
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from cxr_edge.errors import DecoderCrash, ImageError, TimedOut
from cxr_edge.isolation.heartbeat import TIMEOUT, InFlightTable, key
from cxr_edge.pipeline.prepare import Attempt, Prepared, attempt, facts, to_pixels
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.storage.base import Storage
from cxr_edge.storage.local import LOCAL
from cxr_edge.storage.read_file import read_file
from cxr_edge.system.memory import available_memory, resident_memory

T = TypeVar("T")

SHARE: Final = 0.8
"""Share of the memory that is free at the start which a scan may hold."""

START: Final = 10.0
"""Extra seconds for a suspect, whose process has to start on a machine that may be busy."""

MEGABYTE: Final = 1 << 20


def memory_to_hold() -> int:
    """Return how many bytes this process may hold; 0, for no limit, when that is unknown."""
    free = available_memory()
    return resident_memory(os.getpid()) + int(SHARE * free) if free else 0


@dataclass(frozen=True)
class Sandbox:
    """Prepares files; one that was in flight when a process died goes to a process of its own."""

    in_flight: InFlightTable
    """Table of files in flight, which knows the suspects."""
    shown: bool = False
    """Whether heat maps are to be drawn over the images."""
    _alone: threading.Lock = field(default_factory=threading.Lock)
    """Lock that lets one suspect go at a time: each may take all the memory there is."""

    def prepare(self, where: str, spec: InputSpec, storage: Storage = LOCAL) -> Prepared:
        """Prepare a file as :func:`cxr_edge.pipeline.prepare.prepare`, a suspect in a process."""
        return self.attempt(where, partial(to_pixels, spec=spec, shown=self.shown), storage)

    def attempt(
        self, where: str, make: Callable[[bytes], T], storage: Storage = LOCAL
    ) -> Attempt[T]:
        """Attempt a file as :func:`cxr_edge.pipeline.prepare.attempt`, a suspect in a process."""
        if key(where) in self.in_flight.suspects:
            return self._in_subprocess(where, make, storage)
        with self.in_flight.at_work(where):
            return attempt(where, make, storage)

    def _in_subprocess(
        self, where: str, make: Callable[[bytes], T], storage: Storage
    ) -> Attempt[T]:
        from cxr_edge.isolation.subprocess_call import (
            ProcessDied,
            ProcessTimedOut,
            call_in_subprocess,
        )

        seconds, memory = self.in_flight.seconds or TIMEOUT, self.in_flight.memory
        sha256 = kind = ""
        with self._alone:
            try:
                sha256, kind = call_in_subprocess(_facts, where, storage, within=seconds + START)
                return call_in_subprocess(
                    _bounded, where, make, storage, memory, seconds, within=seconds + START
                )
            except ProcessTimedOut:
                error: ImageError = TimedOut(
                    f"the file was not decoded within {seconds:g} s; check the file, or allow more "
                    "time with --timeout"
                )
            except ProcessDied:
                error = DecoderCrash(
                    "the decoder crashed on this file; check the file, or convert it again"
                )
        return Attempt(sha256, error, kind)


def _facts(where: str, storage: Storage) -> tuple[str, str]:
    """Return the digest and format of a file, for a row without pixels."""
    try:
        data = read_file(where, storage)
    except ImageError:
        return "", ""  # the attempt finds the reason
    return facts(data)


def _bounded(
    where: str, make: Callable[[bytes], T], storage: Storage, memory: int, seconds: float
) -> Attempt[T]:
    """Attempt a file in a process whose memory and CPU time the system limits."""
    if memory:
        _forbid_more_than("RLIMIT_DATA", memory)
    _forbid_more_than("RLIMIT_CPU", math.ceil(seconds + 2 * START))  # should nobody else end it
    return attempt(where, make, storage)


def _forbid_more_than(limit: str, most: int) -> None:
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource  # not on every system, nor is each limit

        _, hard = resource.getrlimit(getattr(resource, limit))
        resource.setrlimit(getattr(resource, limit), (most, hard))
