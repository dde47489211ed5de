"""Folders that take long to make: made once, whichever worker of pytest-xdist needs them first."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None], *, copy: bool = True
) -> Path:
    """Return this worker's own copy of a folder that all workers share.

    Parameters
    ----------
    factory
        The session's folders.
    name
        Of the folder.
    make
        Makes it, at a path that does not exist yet; the other workers wait meanwhile.
    copy
        False for the shared folder itself: its files name others by relative paths, and no test may
        change it.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # each worker has a folder of its own in it
    original = base / "shared" / name
    finished = original.with_name(f"{name}.finished")
    original.parent.mkdir(exist_ok=True)
    with original.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            make(original)
            finished.touch()
    if not copy:
        return original
    return Path(shutil.copytree(original, factory.mktemp(name) / name))
