"""Tar archives: members are found once, and each is read from its own place.

A compressed one has no places. It is unpacked once into a file without a name, which is gone when
the process ends, however it ends.
"""

import bz2
import errno
import gzip
import lzma
import os
import shutil
import tarfile
import tempfile
import zlib
from array import array
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, BinaryIO, Final

from cxr_edge.errors import UsageError
from cxr_edge.storage.archive_index import Index, path_of
from cxr_edge.storage.archive_kind import TAR, damaged_archive
from cxr_edge.storage.base import Kind, too_large
from cxr_edge.storage.open_regular import open_regular
from cxr_edge.storage.part import in_parts
from cxr_edge.system.printable import printable
from cxr_edge.system.progress import stage

_UNPACK: Final[Mapping[str, Callable[[BinaryIO], Any]]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
}
"""Functions that unpack, by the compression."""

RESERVE: Final = 1 << 28
"""Bytes that stay free on the disk of the unpacked archive: 256 MiB."""

_CHUNK: Final = 1 << 24
"""Bytes that are unpacked at a time."""

_DAMAGE: Final = (
    tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError, OverflowError,
)  # fmt: skip
"""Errors of archives that are damaged or of another kind."""

_LONGEST: Final = 1 << 20
"""Bytes of the longest header: a name, or the facts about a member."""

_HEADERS: Final = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip
"""Types of headers, which are read into memory."""

_SPARSE: Final = (1 << 64) - 1
"""Place of a member with holes, whose bytes do not stand in one place."""


class _Member(tarfile.TarInfo):
    """A member, or a header whose size is looked at before it is read."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:  # made to be overridden
        if self.type in _HEADERS and not 0 <= self.size <= _LONGEST:
            raise tarfile.ReadError
        found: tarfile.TarInfo = super()._proc_member(tar)  # type: ignore[misc]
        return found


class TarArchive:
    """An open tar archive; several threads may read from it at once."""

    def __init__(self, path: str, unpacked: str = "") -> None:
        """Find the members.

        Parameters
        ----------
        path
            The archive.
        unpacked
            Path of what another process has unpacked from it; empty where none has.

        Raises
        ------
        UsageError
            It is damaged, or no tar archive, or has something behind its end, or there is no room
            to unpack it.
        """
        compression = next(TAR[end] for end in TAR if path.lower().endswith(end))
        self.is_unpacked = bool(compression)
        self.index = Index()
        self._places, self._sizes = array("Q"), array("Q")
        self.file = open_regular(unpacked or path)
        try:
            if self.is_unpacked and not unpacked:
                with self.file as packed, stage(f"unpacking {printable(PurePath(path).name)}"):
                    self.file = _unpacked(path, _UNPACK[compression](packed))
            self._find()
            self._require_no_more(path)
        except UsageError:
            self.file.close()
            raise
        except _DAMAGE as exc:
            self.file.close()
            raise damaged_archive(path, "tar") from exc

    def size(self, number: int) -> int:
        """Return the bytes of a member."""
        return self._sizes[number]

    def open(self, number: int) -> BinaryIO:
        """Open a member for reading a part."""
        start, size = self._place(number), self._sizes[number]

        def read(at: int, count: int) -> bytes:
            return os.pread(self.file.fileno(), max(0, min(count, size - at)), start + at)

        return in_parts(f"{number}", read, lambda: size)

    def read(self, number: int, at_most: int) -> bytes:
        """Return all bytes of a member."""
        size = self._sizes[number]
        if size > at_most:
            raise too_large(size, at_most)
        with self.open(number) as part:
            data = part.read(size)
        if len(data) != size:
            raise OSError(errno.EIO, "the archive was cut short while it was read")
        return data

    def close(self) -> None:
        """Close the archive; what was unpacked is gone."""
        self.file.close()

    def _place(self, number: int) -> int:
        if self._places[number] == _SPARSE:
            why = "the archive has it with holes; unpack the archive, and scan the folder"
            raise OSError(errno.EINVAL, why)
        return self._places[number]

    def _find(self) -> None:
        numbers: dict[str, int] = {}  # of the members that another may be a hard link to
        self.file.seek(0)
        with tarfile.open(fileobj=self.file, mode="r:", tarinfo=_Member) as tar:
            while member := tar.next():
                tar.members.clear()  # type: ignore[attr-defined]  # it would keep them all
                if member.isdir():
                    continue
                number = numbers.get(path_of(member.linkname)) if member.islnk() else None
                if number is None:
                    number = len(self._places)
                    self._places.append(_SPARSE if member.issparse() else member.offset_data)
                    self._sizes.append(member.size)
                    if member.isreg():
                        numbers[path_of(member.name)] = number
                    kind = _kind(member)
                else:
                    kind = Kind.FILE
                self.index.add(member.name, kind, number)
            self.file.seek(tar.offset)
            end = self.file.read(tarfile.BLOCKSIZE)
        if end != bytes(tarfile.BLOCKSIZE):  # tarfile takes a damaged header for the end
            raise EOFError
        self.index.seal()

    def _require_no_more(self, path: str) -> None:
        """Raise UsageError where more than zeros is behind the end, at which the file stands."""
        if any(chunk.strip(b"\0") for chunk in iter(lambda: self.file.read(_CHUNK), b"")):
            raise UsageError(
                f"{printable(path)}: expected nothing behind the end of the tar archive, got more, "
                "as where several were joined; unpack it with 'tar --ignore-zeros -xf', and scan "
                "the folder"
            )


def _unpacked(path: str, packed: Any) -> BinaryIO:
    """Return a file without a name that has what an archive unpacks to."""
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115  (returned open)
    except OSError as exc:  # no folder takes files
        raise _no_room(path, os.environ.get("TMPDIR", "/tmp"), exc.strerror) from exc  # noqa: S108
    try:
        while chunk := packed.read(_CHUNK):
            _write(file, chunk, path)
    except BaseException:
        file.close()
        raise
    return file


def _write(file: BinaryIO, chunk: bytes, path: str) -> None:
    """Write a chunk, and leave some room on the disk to others."""
    folder = tempfile.gettempdir()
    why = os.strerror(errno.ENOSPC)
    if shutil.disk_usage(folder).free >= RESERVE + len(chunk):
        try:
            file.write(chunk)
            file.flush()
        except OSError as exc:
            why = exc.strerror or why
        else:
            return
    raise _no_room(path, folder, why)


def _no_room(path: str, folder: str, why: str | None) -> UsageError:
    """Return the error of an archive that cannot be unpacked."""
    return UsageError(
        f"{printable(path)} cannot be unpacked into {folder}: {why or 'it takes no file'}; make "
        "room there, or let TMPDIR name a folder on a larger disk"
    )


def _kind(member: tarfile.TarInfo) -> Kind:
    if member.isreg():
        return Kind.FILE
    return Kind.LINK if member.issym() or member.islnk() else Kind.SPECIAL
