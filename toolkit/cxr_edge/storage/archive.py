"""Archives of this machine as folders: zip and tar."""

import os
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, ClassVar, TypeAlias
from weakref import WeakValueDictionary

from cxr_edge.storage.archive_kind import ZIP
from cxr_edge.storage.base import Entry, Kind, Stat
from cxr_edge.storage.tar_archive import TarArchive
from cxr_edge.storage.zip_archive import ZipArchive

Mark: TypeAlias = tuple[int, int, int, int]
"""Device, inode, bytes and time of the last change of an archive."""

_Archive: TypeAlias = ZipArchive | TarArchive

_opened: WeakValueDictionary[tuple[str, Mark], _Archive] = WeakValueDictionary()
"""Archives of this process that are open: each is listed once, for all threads."""

_latest: deque[_Archive] = deque(maxlen=64)
"""Those that stay open for a storage that is made next: a command asks for each several times.
Others are closed with their storage."""

_opening = threading.Lock()


@dataclass(frozen=True)
class ArchiveStorage:
    """The files in one archive. Links in it are not followed, and archives in it not opened."""

    path: str
    """Full path of the archive, which is that of its outermost folder."""
    unpacked: "tuple[str, Mark] | None" = field(default=None, compare=False)
    """Path and marks of what the process that sent this has unpacked from it; None where it has
    not."""

    is_local: ClassVar[bool] = False

    def absolute(self, path: str) -> str:
        """Return the path from the root."""
        return os.path.abspath(path)  # noqa: PTH100

    def list(self, folder: str) -> Iterator[Entry]:
        """Yield the entries of a folder; the names of the whole archive are in memory."""
        return self._archive.index.list(self._inside(folder))

    def stat(self, path: str) -> Stat:
        """Return the facts about a member; the archive's own time is that of its last change."""
        archive, inside = self._archive, self._inside(self.absolute(path))
        modified = os.stat(self.path).st_mtime  # noqa: PTH116
        if archive.index.has_folder(f"{inside.rstrip('/')}/" if inside else ""):
            return Stat(Kind.FOLDER, 0, modified)
        return Stat(Kind.FILE, archive.size(archive.index.number(inside)), modified)

    def identity(self, folder: str) -> tuple[Mark, str]:
        """Return marks of the archive, which another in its place has not, and the folder."""
        return _mark(self.path), folder

    def open(self, path: str) -> BinaryIO:
        """Open a member for reading a part."""
        archive = self._archive
        return archive.open(archive.index.number(self._inside(path)))

    def read(self, path: str, at_most: int) -> bytes:
        """Return all bytes of a member."""
        archive = self._archive
        return archive.read(archive.index.number(self._inside(path)), at_most)

    def __reduce__(self) -> "tuple[type[ArchiveStorage], tuple[str, tuple[str, Mark] | None]]":
        """Tell another process on this machine where to find what was unpacked here."""
        for (path, _), archive in [*_opened.items()]:  # others may open one meanwhile
            if path == self.path and isinstance(archive, TarArchive) and archive.is_unpacked:
                number = archive.file.fileno()
                place = f"/proc/{os.getpid()}/fd/{number}"
                return ArchiveStorage, (self.path, (place, _marks_of(os.fstat(number))))
        return ArchiveStorage, (self.path, None)

    @property
    def _archive(self) -> _Archive:
        key = self.path, _mark(self.path)
        with _opening:
            archive = _opened.get(key)
            if archive is None:  # one that was replaced stays open for those who read it
                archive = self._open()
                weakref.finalize(archive, archive.file.close)
                _opened[key] = archive
                _latest.append(archive)
        object.__setattr__(self, "_held", archive)  # it is open for as long as this storage
        return archive

    def _open(self) -> _Archive:
        if self.path.lower().endswith(ZIP):
            return ZipArchive(self.path)
        return TarArchive(self.path, _if_that(self.unpacked))

    def _inside(self, path: str) -> str:
        return path.removeprefix(self.path).lstrip("/")


def close_archives() -> None:
    """Close the archives of this process; what was unpacked is gone."""
    for archive in [*_opened.values()]:
        archive.close()
    _opened.clear()
    _latest.clear()


def _if_that(unpacked: tuple[str, Mark] | None) -> str:
    """Return the place of an unpacked archive, unless another file is there.

    On another machine, or in another container, a process of the same number may have one.
    """
    if unpacked is None:
        return ""
    place, mark = unpacked
    try:
        return place if _mark(place) == mark else ""
    except OSError:  # the process has ended
        return ""


def _mark(path: str) -> Mark:
    return _marks_of(os.stat(path))  # noqa: PTH116


def _marks_of(facts: os.stat_result) -> Mark:
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns
