"""Regular files, opened for reading; whatever else stands at a path is refused."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from cxr_edge.storage.retry import patiently


def open_regular(path: str | Path) -> BinaryIO:
    """Open a regular file for reading, and wait for it for a few seconds at most.

    A pipe or a device is refused before it is opened, since opening one can act or wait; and again
    after, since the name can be given to another file in between.

    Raises
    ------
    OSError
        The file cannot be opened, or is not a regular file.
    MachineError
        This process cannot open one more file.
    """
    return patiently(lambda: _open(path))


def _open(path: str | Path) -> BinaryIO:
    _refuse_irregular(os.stat(path))  # noqa: PTH116  (a string, as in ImageItem)
    file = open(os.fspath(path), "rb", opener=_without_waiting)  # noqa: SIM115  (returned open)
    try:
        _refuse_irregular(os.fstat(file.fileno()))
    except BaseException:
        file.close()
        raise
    return file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refuse_irregular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
