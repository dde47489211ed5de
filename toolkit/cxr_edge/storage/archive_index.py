"""The names in an archive, as folders: one sorted list, however many there are."""

import errno
import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final

from cxr_edge.storage.base import Entry, Kind

_AFTER_SLASH: Final = b"0"
"""Byte that comes after a slash, so that it sorts behind all that is in a folder."""


LONGEST: Final = 4096
"""Bytes of the longest path of a member: no system opens a longer one."""

_SHOWN: Final = 100
"""Bytes that are shown of one that is longer."""


def path_of(name: str) -> str:
    """Return the path of a member in its archive, without the parts that say nothing."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


class Index:
    """Members of an archive by their names; those of one name stay apart, and the last counts."""

    def __init__(self) -> None:
        """Start without a member."""
        self._names: list[bytes] = []
        self._kinds: list[Kind] = []
        self._numbers = array("Q")

    def add(self, name: str, kind: Kind, number: int) -> None:
        """Add a member, which is no folder.

        Parameters
        ----------
        name
            Name as the archive has it. It starts in the archive even if it has a slash first, and
            empty parts and single dots are left out, as by those who unpack. Two dots stay, and
            are never followed. One of more than :data:`LONGEST` bytes gets a name that no file
            can have.
        kind
            Kind of the member.
        number
            Number by which the archive finds it.
        """
        path = os.fsencode(path_of(name))
        if len(path) > LONGEST:  # each of its folders would cost time and memory
            path = path[:_SHOWN].replace(b"/", b"_") + b"\0"
        self._names.append(path)
        self._kinds.append(kind)
        self._numbers.append(number)

    def seal(self) -> None:
        """Sort the members; of those with one name all but the last are replaced."""
        order = sorted(range(len(self._names)), key=self._names.__getitem__)
        self._names = [self._names[place] for place in order]
        self._kinds = [self._kinds[place] for place in order]
        self._numbers = array("Q", (self._numbers[place] for place in order))
        for place in range(1, len(self._names)):
            if self._names[place - 1] == self._names[place]:
                self._kinds[place - 1] = Kind.REPLACED

    def list(self, folder: str) -> Iterator[Entry]:
        """Yield the entries of a folder, sorted; its name ends with a slash, or is empty."""
        prefix = os.fsencode(folder)
        place = bisect_left(self._names, prefix)
        while place < len(self._names) and self._names[place].startswith(prefix):
            name, slash, _ = self._names[place][len(prefix) :].partition(b"/")
            if slash:
                yield os.fsdecode(name), Kind.FOLDER
                place = bisect_left(self._names, prefix + name + _AFTER_SLASH)
            else:
                yield os.fsdecode(name), self._kinds[place]
                place += 1

    def has_folder(self, folder: str) -> bool:
        """Tell whether a folder has members; its name ends with a slash, or is empty."""
        return not folder or any(True for _ in self.list(folder))

    def number(self, name: str) -> int:
        """Return the number of the last file of a name.

        Raises
        ------
        FileNotFoundError
            There is none.
        """
        wanted = os.fsencode(name)
        place = bisect_right(self._names, wanted) - 1
        if place < 0 or self._names[place] != wanted or self._kinds[place] is not Kind.FILE:
            raise FileNotFoundError(errno.ENOENT, "the archive has no such file", name)
        return self._numbers[place]
