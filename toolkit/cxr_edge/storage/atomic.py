"""Files that are written completely or not at all."""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EINVAL
from pathlib import Path
from typing import Final

TEMP_PREFIX: Final = ".half-"
"""Prefix of the names of files that are still being written; hidden, so that no scan takes them."""


@contextmanager
def atomic_write(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Write a file beside ``path``, and rename it to ``path`` once it is complete.

    A reader finds the old file or the new one, never a part of one. An error removes the new file
    and leaves the old one alone.

    Parameters
    ----------
    path
        File that is made or replaced. A device or a pipe of that name is refused: a rename would
        put a file in its place.
    durable
        Wait until the file is on the disk.

    Yields
    ------
    Path
        Empty file to write to. Its suffix is that of ``path``, for libraries that judge by it.

    Raises
    ------
    OSError
        The file cannot be written, or stands for something that is not a regular file.
    """
    if path.exists() and not path.is_file():
        raise OSError(EINVAL, "it is not a regular file", str(path))
    # The name of the file is left out: it may be as long as names can be.
    suffix = "".join(path.suffixes[-2:])[-32:]  # .weights.h5 is one
    temporary = path.with_name(f"{TEMP_PREFIX}{os.urandom(8).hex()}{suffix}")
    try:
        temporary.touch(exist_ok=False)
    except OSError as exc:  # told of the file that the user knows
        raise OSError(exc.errno, exc.strerror, str(path)) from exc
    try:
        yield temporary
        if durable:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
        if durable:
            sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_half_written(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder that nobody writes to now."""
    for path in folder.rglob(f"{TEMP_PREFIX}*"):  # no image has such a name
        remove_half(path)


def remove_half(path: Path) -> None:
    """Remove a half-written file; what is no file is none of ours."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the file system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_text_atomically(
    path: Path, text: str, *, durable: bool = False, before: Callable[[], object] | None = None
) -> None:
    """Replace a text file with UTF-8, as :func:`atomic_write` does.

    ``before`` is called once the text is written, before the file gets its name.
    """
    with atomic_write(path, durable=durable) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
        if before:
            before()


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Replace a file, as :func:`atomic_write` does, and wait until it is on the disk."""
    with atomic_write(path, durable=True) as temporary:
        temporary.write_bytes(data)
