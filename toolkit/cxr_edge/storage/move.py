"""Files that are moved: never over another file, and never another file than was meant."""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Final, Self

from cxr_edge.storage.atomic import TEMP_PREFIX, sync_folder

_LONGEST_NAME: Final = 255
"""Bytes that the name of a file may have."""


@dataclass(frozen=True)
class FileMark:
    """Facts by which a file is known again: whoever writes to it or replaces it changes them.

    Marks are equal without the numbers of the file and its file system, which some network shares
    give anew again and again.
    """

    device: int = field(compare=False)
    """Number of the file system."""
    inode: int = field(compare=False)
    """Number of the file there."""
    size: int
    """Bytes."""
    modified: int
    """Time of the last change of its bytes, nanoseconds since 1970."""
    changed: int
    """Time of the last change of anything, likewise; a rename changes it too."""

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Return the mark of a file."""
        return cls(
            status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        )

    def has_bytes_of(self, other: "FileMark") -> bool:
        """Tell whether this is the same file with the same bytes, maybe under another name."""
        return (self.device, self.inode, self.size, self.modified) == (
            (other.device, other.inode, other.size, other.modified)
        )


def move_file(source: Path, target: Path, mark: FileMark, sha256: str) -> Path | None:
    """Move a file to a name that is free: ``a.png``, or else ``a.2.png`` and so on.

    Nobody else may write to the folder of the target. Killed at any moment, it leaves the file
    under its old name or the new one, whole; if it had to be copied to another file system, under
    both, and the next call finds that.

    Parameters
    ----------
    source
        Path of the file.
    target
        Path that it is to get; folders are made.
    mark
        Mark of the file that is meant.
    sha256
        Digest of its bytes; empty where it could not be read.

    Returns
    -------
    Path or None
        Its new path, at which a file with the same bytes may have been already; None where another
        file is now at the path of the source, and nothing was moved.

    Raises
    ------
    OSError
        It cannot be moved.
    """
    if not _is(source, mark):
        return None
    for place in _names(_free_folder(target.parent) / target.name):
        if os.path.lexists(place):
            if sha256 and _has_bytes(place, mark.size, sha256):
                return place if _unlink(source, mark) else None
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            source.rename(place)
        except OSError as exc:
            if exc.errno != errno.EXDEV:
                raise
            return _copy(source, place, mark)
        if FileMark.of(place.lstat()).has_bytes_of(mark):
            return place
        if not os.path.lexists(source):  # another file has its path by now
            place.rename(source)
        return None
    raise AssertionError


def moved_to(target: Path, sha256: str) -> Path | None:
    """Return where :func:`move_file` put a file whose name was taken, None where it is not.

    Parameters
    ----------
    target
        Path that it was to get, at which another file is.
    sha256
        Digest of its bytes.
    """
    for place in islice(_names(target), 1, None):
        if not os.path.lexists(place):
            return None
        with suppress(OSError):
            if place.is_file() and _has_digest(place, sha256):
                return place
    raise AssertionError


def _copy(source: Path, place: Path, mark: FileMark) -> Path | None:
    """Move a file to another file system."""
    temporary = place.with_name(f"{TEMP_PREFIX}{os.urandom(8).hex()}")
    try:
        shutil.copy2(source, temporary, follow_symlinks=False)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if not _is(source, mark):
            temporary.unlink()
            return None
        temporary.rename(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(place.parent)
    _unlink(source, mark)
    return place


def _unlink(source: Path, mark: FileMark) -> bool:
    """Remove a file whose bytes are kept elsewhere, unless another is at its path by now."""
    if not _is(source, mark):
        return False
    source.unlink()
    return True


def _is(path: Path, mark: FileMark) -> bool:
    try:
        return FileMark.of(path.lstat()).has_bytes_of(mark)
    except FileNotFoundError:
        return False


def _has_bytes(path: Path, size: int, sha256: str) -> bool:
    return (
        not path.is_symlink()
        and path.is_file()
        and path.stat().st_size == size
        and _has_digest(path, sha256)
    )


def _has_digest(path: Path, sha256: str) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _free_folder(folder: Path) -> Path:
    """Return a folder that is there or can be made, numbered where a file has its name."""
    if folder.is_dir() or folder.parent == folder:
        return folder
    places = _names(_free_folder(folder.parent) / folder.name)
    return next(place for place in places if place.is_dir() or not os.path.lexists(place))


def _names(target: Path) -> Iterator[Path]:
    """Yield a path, then numbered ones, whose stems are cut to what a name may have."""
    yield target
    stem, suffix = target.stem, target.suffix
    for number in count(2):
        end = f".{number}{suffix}"
        while len(stem) > 1 and len(os.fsencode(stem + end)) > _LONGEST_NAME:
            stem = stem[:-1]
        yield target.with_name(f"{stem}{end}")
