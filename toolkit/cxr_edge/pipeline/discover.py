"""Folders to a sorted stream of :class:`ImageItem`; reads first bytes, decodes nothing."""

import errno
import heapq
import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cxr_edge.errors import ReportError
from cxr_edge.imaging.sniff import HEAD_BYTES, SUFFIXES, identify
from cxr_edge.pipeline.roots import Root, resolve_roots
from cxr_edge.storage.base import Entry, Kind, Storage
from cxr_edge.storage.local import LOCAL
from cxr_edge.system.printable import printable

FIRST_LOST: Final = 5
"""Count of unreadable folders and files that are named; all are counted."""

HIDDEN: Final = "hidden"
"""Key of hidden files and folders."""

SPECIAL: Final = "special"
"""Key of pipes, sockets and devices."""

LOOP: Final = "loop"
"""Key of links to a folder above them."""

UNLISTED: Final = "unlisted"
"""Key of folders that were skipped because they cannot be listed."""

UNREAD: Final = "unread"
"""Key of files that were skipped because neither name nor first bytes say what they are."""

OTHER: Final = "other"
"""Key of files that are no images, by their first bytes."""

SKIP_REASONS: Final[Mapping[str, str]] = {
    OTHER: "not images",
    HIDDEN: "hidden",
    SPECIAL: "pipes, sockets or devices",
    LOOP: "links to a folder above",
    UNLISTED: "folders that could not be read",
    UNREAD: "files that could not be read",
}
"""Words for the reasons why files and folders are skipped."""

_NOTHING_THERE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""Errors for a file that is gone, and for a link into nowhere or in a circle."""

_GONE: Final = (
    errno.ENOENT, errno.ESTALE, errno.EIO, errno.ENODEV, errno.ENOTCONN, errno.EHOSTDOWN,
    errno.ETIMEDOUT,
)  # fmt: skip
"""Errors for a folder that was there when its parent was listed, and is not any more."""


@dataclass(frozen=True)
class ImageItem:
    """One file that is taken: it gets exactly one row."""

    path: str
    """Path in the report: relative to its root, forward slashes."""
    where: str
    """Full path of the file. Text, since a Path costs more than all else about a file."""

    @property
    def file(self) -> Path:
        """Full path of the file."""
        return Path(self.where)

    @property
    def key(self) -> bytes:
        """Sort key of the report: the bytes of the path."""
        return os.fsencode(self.path)


@dataclass
class Skipped:
    """Counts of the files and folders that were not taken, by reason."""

    counts: Counter[str] = field(default_factory=Counter)
    """Counts by key of :data:`SKIP_REASONS`; :data:`UNLISTED` and :data:`UNREAD` may hold
    images."""

    first_lost: list[str] = field(default_factory=list)
    """Paths of the first :data:`FIRST_LOST` of those that may hold images, as in the report."""

    def add(self, reason: str, path: str) -> None:
        """Count one."""
        self.counts[reason] += 1
        if reason in (UNLISTED, UNREAD) and len(self.first_lost) < FIRST_LOST:
            self.first_lost.append(printable(path))


def discover(
    paths: Sequence[str | Path], skipped: Skipped | None = None, storage: Storage = LOCAL
) -> Iterator[ImageItem]:
    """Yield the files to scan below ``paths``, sorted bytewise by their path in the report.

    A file is taken if it has a known image suffix, has no suffix, or starts as an image or DICOM
    does; hidden files and folders are skipped. A file named as a path is always taken. Links are
    followed, but not back to a folder above. Memory holds the names of one folder at a time, and of
    the folders above it.

    Parameters
    ----------
    paths
        Files and folders.
    skipped
        Counts the files and folders that are not taken.
    storage
        Storage of the paths.

    Raises
    ------
    UsageError
        As :func:`resolve_roots`, at once and not at the first item.
    ReportError
        A folder vanished: the images in it would be missing.
    """
    return _walk_all(paths, skipped or Skipped(), storage, _reason_to_skip)


def candidates(paths: Sequence[str | Path], storage: Storage = LOCAL) -> Iterator[ImageItem]:
    """Yield the files below ``paths`` that may be taken, without opening one.

    For a count beside a scan: the files that :func:`discover` takes, and those that it opens and
    then skips as :data:`OTHER` or :data:`UNREAD`. Parameters and errors are those of
    :func:`discover`.
    """
    return _walk_all(paths, Skipped(), storage, lambda _name, _where, _storage: "")


@dataclass(frozen=True)
class Sources:
    """Files and folders that a command reads, without the files that it writes itself."""

    paths: Sequence[Path]
    """Files and folders."""
    own: Sequence[Path]
    """Files of the command itself, which are never taken."""

    def items(self, skipped: Skipped | None = None) -> Iterator[ImageItem]:
        """Yield the files to take, as :func:`discover`."""
        return self._without_own(discover(self.paths, skipped))

    def candidates(self) -> Iterator[ImageItem]:
        """Yield the files that may be taken, as :func:`candidates`."""
        return self._without_own(candidates(self.paths))

    def _without_own(self, items: Iterator[ImageItem]) -> Iterator[ImageItem]:
        own = {os.path.abspath(path) for path in self.own}  # noqa: PTH100  (links stay)
        return (item for item in items if item.where not in own)


_Judge = Callable[[str, str, Storage], str]
"""Returns why a file is skipped, empty where it is taken; gets its name and its full path."""


def _walk_all(
    paths: Sequence[str | Path], skipped: Skipped, storage: Storage, judge: _Judge
) -> Iterator[ImageItem]:
    streams = [
        _walk(root, skipped, storage, judge)
        if root.is_folder
        else iter([ImageItem(root.prefix, root.where)])
        for root in resolve_roots(paths, storage)
    ]
    return heapq.merge(*streams, key=lambda item: item.key)


@dataclass(frozen=True)
class _Folder:
    """A folder that is being walked."""

    where: str
    """Full path with a slash at the end."""
    prefix: str
    """Path in the report, before its files' names."""
    identity: Hashable
    """Identity in its storage."""
    entries: Iterator[Entry]
    """Entries that are left."""


def _walk(root: Root, skipped: Skipped, storage: Storage, judge: _Judge) -> Iterator[ImageItem]:
    # A stack of our own: a deep tree must not exhaust Python's.
    stack: list[_Folder] = []

    def enter(where: str, prefix: str) -> None:
        if folder := _open(where, prefix, stack, skipped, storage):
            stack.append(folder)

    enter(f"{root.where.rstrip('/')}/", f"{root.prefix}/" if root.prefix else "")
    while stack:
        folder = stack[-1]
        for name, kind in folder.entries:
            where, path = folder.where + name, folder.prefix + name
            if name.startswith("."):
                skipped.add(HIDDEN, path)
            elif kind is Kind.FOLDER:
                enter(f"{where}/", f"{path}/")
                break  # into it, and later on with the next entry
            elif kind is Kind.SPECIAL:
                skipped.add(SPECIAL, path)
            elif reason := judge(name, where, storage):
                skipped.add(reason, path)
            else:
                yield ImageItem(path, where)
        else:
            stack.pop()


def _open(
    where: str, prefix: str, above: Sequence[_Folder], skipped: Skipped, storage: Storage
) -> _Folder | None:
    """Return a folder with its entries, None where it cannot or must not be entered."""
    try:
        identity = storage.identity(where)
        if any(folder.identity == identity for folder in above):
            skipped.add(LOOP, prefix)
            return None
        return _Folder(where, prefix, identity, storage.list(where))
    except OSError as exc:
        if exc.errno in _GONE:
            raise ReportError(
                f"{where.rstrip('/')} is no longer available ({exc.strerror}): disk removed, "
                "network down, or folder moved? Reconnect it and run the same command again"
            ) from exc
        skipped.add(UNLISTED, prefix or ".")
        return None


def _reason_to_skip(name: str, where: str, storage: Storage) -> str:
    """Return why a file is skipped: its name and its first bytes are no image's; empty if not."""
    stem, _, suffix = name.rpartition(".")
    if not stem or not suffix or f".{suffix.lower()}" in SUFFIXES:
        return ""
    try:
        with storage.open(where) as file:
            return "" if identify(file.read(HEAD_BYTES)) else OTHER
    except OSError as exc:
        return OTHER if exc.errno in _NOTHING_THERE else UNREAD
