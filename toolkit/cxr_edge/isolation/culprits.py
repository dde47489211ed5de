"""The search for the files that end a process, by a process that attempts one after the other."""

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress

from cxr_edge.isolation.heartbeat import InFlightTable, key
from cxr_edge.isolation.sandbox import Sandbox
from cxr_edge.isolation.self_watch import watch_self
from cxr_edge.storage.base import Storage


def culprits(
    files: Sequence[tuple[str, Storage]], make: Callable[[bytes], object], in_flight: InFlightTable
) -> set[int]:
    """Return the keys of the files that end a process which attempts all of them.

    Parameters
    ----------
    files
        Full paths, and the storages that they are in.
    make
        Makes something of a file's bytes; a function of a module, or a partial of one.
    in_flight
        Table with the limits of a file.

    Raises
    ------
    CxrError
        No process can be started.
    """
    from cxr_edge.isolation.subprocess_call import ProcessDied, call_in_subprocess

    found: set[int] = set()
    left = list(files)
    while left:
        with tempfile.NamedTemporaryFile(prefix="cxr-trial-") as notes:
            with suppress(ProcessDied):
                call_in_subprocess(
                    _attempt_all, left, make, in_flight.seconds, in_flight.memory, notes.name
                )
            done = os.path.getsize(notes.name)  # noqa: PTH202
        if done >= len(left):
            break
        found.add(key(left[done][0]))
        left = left[done + 1 :]
    return found


def _attempt_all(
    files: Sequence[tuple[str, Storage]],
    make: Callable[[bytes], object],
    seconds: float,
    memory: int,
    notes: str,
) -> None:
    """Attempt files, and write one byte for each that did not end this process."""
    table = InFlightTable()
    table.limit(seconds, memory)
    watch_self(table)
    sandbox = Sandbox(table)
    with open(notes, "ab", buffering=0) as file:  # noqa: PTH123
        for where, storage in files:
            sandbox.attempt(where, make, storage)
            file.write(b".")
