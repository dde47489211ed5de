"""A file that is read in parts from where there is no file."""

import io
import os
from collections.abc import Callable
from typing import Any, BinaryIO


def in_parts(name: str, read: Callable[[int, int], bytes], size: Callable[[], int]) -> BinaryIO:
    """Return a file whose bytes a function gives.

    Parameters
    ----------
    name
        Name of the file, for messages.
    read
        Function from a place and a count to as many bytes, fewer at the end alone.
    size
        Function that says how many there are; it is called for a place from the end.
    """
    return io.BufferedReader(_Parts(name, read, size))


class _Parts(io.RawIOBase):
    def __init__(
        self, name: str, read: Callable[[int, int], bytes], size: Callable[[], int]
    ) -> None:
        self.name, self._read, self._size, self._at = name, read, size, 0
        self._end: int | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            offset += self._size()
        elif whence == os.SEEK_CUR:
            offset += self._at
        self._at = max(0, offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        count = len(buffer)
        if not count or (self._end is not None and self._at >= self._end):
            return 0
        data = self._read(self._at, count)
        buffer[: len(data)] = data
        self._at += len(data)
        if len(data) < count:
            self._end = self._at
        return len(data)
