"""Zip archives: the list of members is read once, each member from its own place."""

import errno
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final

from cxr_edge.errors import UsageError
from cxr_edge.storage.archive_index import Index
from cxr_edge.storage.archive_kind import damaged_archive
from cxr_edge.storage.base import Kind, too_large
from cxr_edge.storage.bounded import DAMAGE
from cxr_edge.storage.open_regular import open_regular
from cxr_edge.storage.part import in_parts
from cxr_edge.system.printable import printable

_ENCRYPTED: Final = 1
"""Flag of a member that is encrypted."""

_START: Final = b"PK\3\4"
"""First bytes of a member."""

_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Methods of which no more is unpacked than is asked for."""


class ZipArchive:
    """An open zip archive; several threads may read from it at once."""

    def __init__(self, path: str) -> None:
        """Read the list of members.

        Raises
        ------
        UsageError
            It is damaged, or no zip archive, or several in one file.
        """
        self.file = open_regular(path)
        try:
            self._archive = zipfile.ZipFile(self.file)
            self.index = Index()
            for number, member in enumerate(self._archive.filelist):
                if not member.is_dir():
                    self.index.add(member.filename, _kind(member), number)
            self.index.seal()
            self._require_alone(path)
        except UsageError:
            self.file.close()
            raise
        except (*DAMAGE, ValueError) as exc:
            self.file.close()
            raise damaged_archive(path, "zip") from exc

    def size(self, number: int) -> int:
        """Return the bytes of a member, as the archive has them."""
        return self._archive.filelist[number].file_size

    def open(self, number: int) -> BinaryIO:
        """Open a member for reading a part."""
        member = self._opened(number)

        def read(at: int, count: int) -> bytes:
            with _damage_named():
                member.seek(at)
                data: bytes = member.read(count)
            return data

        return in_parts(f"{number}", read, lambda: self.size(number))

    def read(self, number: int, at_most: int) -> bytes:
        """Return all bytes of a member; it never unpacks to more than the archive says."""
        size = self.size(number)
        if size > at_most:
            raise too_large(size, at_most)
        with self._opened(number) as member, _damage_named():
            data: bytes = member.read(size)
            if len(data) != size:
                raise EOFError
        return data

    def close(self) -> None:
        """Close the archive."""
        self._archive.close()
        self.file.close()

    def _require_alone(self, path: str) -> None:
        """Raise UsageError where the file starts with a member that is not in the list."""
        self.file.seek(0)
        starts = self.file.read(len(_START)) == _START
        if starts and all(member.header_offset for member in self._archive.filelist):
            raise UsageError(
                f"{printable(path)}: expected one zip archive, got another before it in the same "
                "file, whose files nobody lists; unpack what is in it, and scan the folder"
            )

    def _opened(self, number: int) -> Any:  # Any: what zipfile returns has no public type
        member = self._archive.filelist[number]
        if member.flag_bits & _ENCRYPTED:
            why = "it is encrypted; unpack the archive with its password, and scan the folder"
            raise OSError(errno.EACCES, why)
        if member.compress_type not in _METHODS:
            why = "it is not compressed by deflate; unpack the archive, and scan the folder"
            raise OSError(errno.EINVAL, why)
        with _damage_named():
            return self._archive.open(member)


def _kind(member: zipfile.ZipInfo) -> Kind:
    """Return the kind of a member, which archives made on Unix know."""
    mode = stat.S_IFMT(member.external_attr >> 16)
    if mode == stat.S_IFLNK:
        return Kind.LINK
    return Kind.FILE if mode in (0, stat.S_IFREG) else Kind.SPECIAL


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except DAMAGE as exc:
        raise OSError(errno.EIO, "the archive is damaged at this file; copy it again") from exc
