"""One scan at a time into one report."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxr_edge.errors import ReportError
from cxr_edge.manifest import manifest_path


@contextmanager
def alone_at(report: Path) -> Iterator[None]:
    """Keep other scans away from a report.

    The lock is the operating system's, on a file beside the report: it ends with the process that
    holds it, however that ends, so none is ever stale.

    Raises
    ------
    ReportError
        Another process writes the report, or the lock cannot be made.
    """
    path = report.with_suffix(".lock")
    handle = _locked(path, report)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _locked(path: Path, report: Path) -> int:
    """Return a handle of the file at ``path``, with a lock on it."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as exc:
            why = f"{path} cannot be made: {exc.strerror}; choose another --out"
            raise ReportError(why) from exc
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            os.close(handle)
            raise ReportError(
                f"{report} is being written by another scan{_owner(report)}; wait for it, or "
                "choose another --out"
            ) from exc
        except OSError:  # a file system that knows no locks
            return handle
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)  # its holder was about to remove it: begin anew


def _owner(report: Path) -> str:
    try:
        pid = json.loads(manifest_path(report).read_bytes())["pid"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f" (process {pid})" if pid else ""
