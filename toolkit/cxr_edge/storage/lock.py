"""A lock that keeps other processes out of a file that is being written."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cxr_edge.errors import ReportError


@contextmanager
def alone_at(
    written: Path,
    run: str,
    option: str,
    owner: Callable[[Path], int | None],
    advice: str = "wait for it",
) -> Iterator[None]:
    """Keep other processes out of a file while it is written.

    The operating system holds the lock, on a second file. It ends with the process, however that
    ends, so it is never stale, even if a killed process leaves the second file there.

    Parameters
    ----------
    written
        File that is written.
    run
        Kind of run that writes it, for messages: ``scan``.
    option
        Option that names it, for messages: ``--out``.
    owner
        Function from the file to the id of the process that writes it, None where it is unknown.
    advice
        Advice on the other run, for messages.

    Raises
    ------
    ReportError
        Another process writes the file, or the lock cannot be made.
    """
    path = lock_path(written)
    handle = _locked(path, option)
    if handle is None:
        process = owner(written)
        by = f" (process {process})" if process else ""
        raise ReportError(
            f"{written} is being written by another {run}{by}; {advice}, or choose another {option}"
        )
    try:
        yield
    finally:
        try:
            # A file with content is not ours; one of another user may not be removable.
            with contextlib.suppress(OSError):
                if not os.fstat(handle).st_size:
                    path.unlink()
        finally:
            os.close(handle)


def lock_path(written: Path) -> Path:
    """Return the path of the lock: ``.report.csv.lock``, hidden from scans."""
    return written.with_name(f".{written.name}.lock")


def _locked(path: Path, option: str) -> int | None:
    """Return a handle of the file at ``path`` with a lock on it, None if another process has it."""
    while True:
        try:
            handle = _opened(path)
        except OSError as exc:
            why = f"{path} cannot be made: {exc.strerror}; choose another {option}"
            raise ReportError(why) from exc
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError:  # a file system without locks
            return handle
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)  # the process before removed it meanwhile: start again


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError:
        # Another user's scan left it behind: reading is enough for a lock.
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
