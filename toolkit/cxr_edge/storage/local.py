"""The storage of this machine: whatever the operating system has mounted."""

import errno
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO, Final

from cxr_edge.storage.base import Entry, Kind, Stat, Storage, read_whole
from cxr_edge.storage.open_regular import open_regular
from cxr_edge.storage.retry import patiently

_FOLDER: Final = b"/"
_SPECIAL: Final = b"\0"
_LINK: Final = b"\0\0"
_KINDS: Final = {_FOLDER: Kind.FOLDER, _SPECIAL: Kind.SPECIAL}
"""Marks at the end of names while they are sorted; a name of its own ends with neither. A name with
its mark is the smallest form of a million entries."""


class LocalStorage:
    """Files and folders by their paths."""

    # Paths stay text: a Path costs more than all else about a file.

    is_local: Final = True

    def __init__(self, *, links: bool = True) -> None:
        """List links as what they lead to, or as links."""
        self._links = links

    def absolute(self, path: str) -> str:
        """Return the path from the root."""
        return os.path.abspath(path)  # noqa: PTH100

    def list(self, folder: str) -> Iterator[Entry]:
        """Yield the entries of a folder; the names that are left are in memory."""
        with patiently(lambda: os.scandir(os.fsencode(folder))) as listing:
            names = [
                entry.name + (_mark(entry) if self._links or not entry.is_symlink() else _LINK)
                for entry in listing
            ]
        names.sort(reverse=True)
        return _unmarked(names)

    def stat(self, path: str) -> Stat:
        """Return what the operating system says of a path."""
        try:
            facts = os.stat(path)  # noqa: PTH116
        except OSError:
            facts = os.lstat(path)
        kind = Kind.SPECIAL
        if stat.S_ISDIR(facts.st_mode):
            kind = Kind.FOLDER
            if not os.access(path, os.R_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        elif stat.S_ISREG(facts.st_mode) or stat.S_ISLNK(facts.st_mode):
            kind = Kind.FILE
        return Stat(kind, facts.st_size, facts.st_mtime)

    def identity(self, folder: str) -> tuple[int, int]:
        """Return device and inode; a folder that is mounted anew has others."""
        facts = os.stat(folder)  # noqa: PTH116
        return facts.st_dev, facts.st_ino

    def open(self, path: str) -> BinaryIO:
        """Open a file as :func:`cxr_edge.storage.open_regular.open_regular` does."""
        return open_regular(path)

    def read(self, path: str, at_most: int) -> bytes:
        """Return all bytes of a file, whose size is known before any is read."""
        return read_whole(open_regular(path), at_most)


LOCAL: Final[Storage] = LocalStorage()
"""The storage that is used where no other is named."""

UNLINKED: Final[Storage] = LocalStorage(links=False)
"""The same without following links."""


def _unmarked(names: list[bytes]) -> Iterator[Entry]:
    while names:
        name = names.pop()
        kind = _KINDS.get(name[-1:])
        if kind is None:
            yield os.fsdecode(name), Kind.FILE
        elif name.endswith(_LINK):
            yield os.fsdecode(name.removesuffix(_LINK)), Kind.LINK
        else:
            yield os.fsdecode(name[:-1]), kind


def _mark(entry: os.DirEntry[bytes]) -> bytes:
    try:
        # It knows its kind without a system call, unless it is a link.
        if entry.is_dir():
            return _FOLDER
        # A link into nowhere is not a regular file, nor is there anything else behind it.
        special = not entry.is_file() and os.path.exists(entry.path)  # noqa: PTH110
    except OSError:  # a link in a circle, or one that cannot be asked: whoever opens it says why
        return b""
    return _SPECIAL if special else b""
