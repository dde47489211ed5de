"""A storage in memory."""

import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO

from cxr_edge.storage.base import Entry, Kind, Stat, read_whole


@dataclass
class FakeStorage:
    """Files by their full paths, ``mem/ward/film.png``; it notes which were opened."""

    files: Mapping[str, bytes]
    opened: list[str] = field(default_factory=list)
    is_local = False

    def absolute(self, path: str) -> str:
        return path

    def list(self, folder: str) -> Iterator[Entry]:
        below = {path.removeprefix(folder) for path in self.files if path.startswith(folder)}
        names = {name.partition("/")[0] + ("/" if "/" in name else "") for name in below}
        kinds = {True: Kind.FOLDER, False: Kind.FILE}
        return iter([(name.rstrip("/"), kinds[name.endswith("/")]) for name in sorted(names)])

    def stat(self, path: str) -> Stat:
        if path in self.files:
            return Stat(Kind.FILE, len(self.files[path]), 0.0)
        if not any(name.startswith(f"{path}/") for name in self.files):
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        return Stat(Kind.FOLDER, 0, 0.0)

    def identity(self, folder: str) -> str:
        return folder

    def open(self, path: str) -> BinaryIO:
        self.opened.append(path)
        return BytesIO(self.files[path])

    def read(self, path: str, at_most: int) -> bytes:
        return read_whole(self.open(path), at_most)
