"""The place that files are read from, as one small interface: a disk, a bucket, an archive."""

import os
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import BinaryIO, Protocol, TypeAlias

from cxr_edge.errors import TooLarge, Unreadable


class Kind(Enum):
    """Kinds of entries in a folder; a link is what it leads to, in a storage that follows links."""

    FILE = auto()
    """A regular file, or a link that leads nowhere: whoever opens it gets the error."""
    FOLDER = auto()
    """Something that can be listed."""
    SPECIAL = auto()
    """A pipe, a socket or a device."""
    LINK = auto()
    """A link, in a storage that follows none."""
    REPLACED = auto()
    """A member of an archive that a later one of its name replaces."""
    OTHER_MODALITY = auto()
    """A series that has no radiographs, in a storage that knows."""
    OTHER_BODY_PART = auto()
    """A series or an image that shows no chest, in a storage that knows."""


Entry: TypeAlias = tuple[str, Kind]
"""Name and kind of one entry. A bare tuple: a folder may have a million."""


@dataclass(frozen=True)
class Stat:
    """Facts about a file or folder, read without opening it."""

    kind: Kind
    """Kind of entry."""
    size: int
    """Bytes of a file."""
    modified: float
    """Time of the last change, seconds since 1970."""


class Storage(Protocol):
    """A tree of files. Paths are text with forward slashes.

    A storage can be pickled, and be used by several threads at once. Every method may raise
    OSError, and MachineError where this process can open no more files.
    """

    @property
    def is_local(self) -> bool:
        """Whether its paths are those of the operating system, with links and mounted disks."""

    def absolute(self, path: str) -> str:
        """Return the full form of a path, which names the same file from anywhere; links stay."""

    def list(self, folder: str) -> Iterator[Entry]:
        """Yield the entries of one folder, sorted bytewise; a folder sorts as its name and a slash.

        No file is opened, and the names of only this folder are in memory. An error is raised at
        once, not at the first entry.
        """

    def stat(self, path: str) -> Stat:
        """Return the facts about a path; a link into nowhere is described itself.

        Raises
        ------
        OSError
            Nothing is there, or it is a folder that cannot be listed.
        """

    def identity(self, folder: str) -> Hashable:
        """Return a value that only this folder has, by whatever path it is reached."""

    def open(self, path: str) -> BinaryIO:
        """Open a regular file for reading a part, without waiting longer than a few seconds."""

    def read(self, path: str, at_most: int) -> bytes:
        """Return all bytes of a regular file.

        Raises
        ------
        TooLarge
            It has more than ``at_most``, and no more than those were read.
        Unreadable
            It changed while it was read.
        """


def read_whole(file: BinaryIO, at_most: int) -> bytes:
    """Return all bytes of an open file, and close it; raises as :meth:`Storage.read`."""
    with file:
        size = file.seek(0, os.SEEK_END)
        if size > at_most:
            raise too_large(size, at_most)
        file.seek(0)
        data = file.read(size + 1)
    if len(data) != size:
        raise Unreadable(
            "the file changed while it was read; scan it again when copying has finished"
        )
    return data


def too_large(size: int, at_most: int) -> TooLarge:
    """Return the error of a file with more bytes than are read."""
    return TooLarge(f"expected at most {at_most} bytes, got {size}")
