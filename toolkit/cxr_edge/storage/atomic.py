"""Files written whole or not at all, and read only where they are regular files."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

HALF: Final = ".half-"
"""How the names of files begin that are being written; hidden, so that no scan takes them."""


def open_regular(path: str | Path) -> BinaryIO:
    """Open a file for reading without ever waiting for it.

    Pipes and devices are told before they are opened, since to open can be to act or to wait; and
    after, since a name can come to mean something else in between.

    Raises
    ------
    OSError
        It cannot be opened, or is no regular file.
    """
    _refuse_irregular(os.stat(path))  # noqa: PTH116  (a string, as in ImageItem)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    try:
        _refuse_irregular(os.fstat(descriptor))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _refuse_irregular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")


@contextmanager
def whole(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a name beside ``path`` to write to, and rename it to ``path`` when all went well.

    A reader finds the old file or the new one, never half of one. The name is a new one, so that
    no other file is written to, and ends as ``path`` does, for libraries that judge by it.
    ``durable`` waits until the file is on the disk.
    """
    # Without the name of the file, which may be as long as names can be.
    suffix = "".join(path.suffixes[-2:])[-32:]  # .weights.h5 is one
    half = path.with_name(f"{HALF}{secrets.token_hex(8)}{suffix}")
    half.touch(exist_ok=False)
    try:
        yield half
        if durable:
            with half.open("rb+") as file:
                os.fsync(file.fileno())
        half.replace(path)
        if durable:
            sync_folder(path.parent)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Put a new name on the disk, where a file system has that for folders."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_whole(path: Path, text: str, *, durable: bool = False) -> None:
    """Replace a text file; as :func:`whole`."""
    with whole(path, durable=durable) as half:
        half.write_text(text, encoding="utf-8", errors="surrogateescape")
