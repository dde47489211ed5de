"""One process at a time into one report or mapping."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cxr_edge.errors import ReportError


@contextmanager
def alone_at(
    written: Path, run: str, option: str, owner: Callable[[Path], int | None]
) -> Iterator[None]:
    """Keep other processes away from a file that is written.

    The lock is the operating system's, on a file beside it: it ends with the process that holds it,
    however that ends, so none is ever stale, also where a killed process leaves the file there.

    Parameters
    ----------
    written
        The file.
    run
        The kind of run that writes it, for messages: ``scan``.
    option
        The option that names it, for messages: ``--out``.
    owner
        Returns the number of the process that writes a file, None where nothing says which.

    Raises
    ------
    ReportError
        Another process writes it, or the lock cannot be made.
    """
    path = lock_path(written)
    handle = _locked(path, option)
    if handle is None:
        process = owner(written)
        by = f" (process {process})" if process else ""
        raise ReportError(
            f"{written} is being written by another {run}{by}; wait for it, or choose "
            f"another {option}"
        )
    try:
        yield
    finally:
        try:
            # One with content is somebody's own; one of another user's may not be ours to remove.
            with contextlib.suppress(OSError):
                if not os.fstat(handle).st_size:
                    path.unlink()
        finally:
            os.close(handle)


def lock_path(written: Path) -> Path:
    """Return where the lock of a file is: ``.report.csv.lock``, hidden from scans, beside it."""
    return written.with_name(f".{written.name}.lock")


def _locked(path: Path, option: str) -> int | None:
    """Return a handle of the file at ``path`` with a lock on it, None where another holds it."""
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
        except OSError:  # a file system that knows no locks
            return handle
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)  # its holder was about to remove it: start over


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError:
        # Left behind by another user's scan: to be read is enough for a lock.
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
