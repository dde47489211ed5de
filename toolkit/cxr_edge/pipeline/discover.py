"""Folders to a sorted stream of :class:`ImageItem`; looks at first bytes, decodes nothing."""

import errno
import heapq
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cxr_edge.errors import ReportError
from cxr_edge.imaging.sniff import HEAD_BYTES, SUFFIXES, identify
from cxr_edge.pipeline.roots import Root, resolve_roots
from cxr_edge.storage.atomic import open_regular
from cxr_edge.system.printable import printable

FIRST_LOST: Final = 5
"""So many folders and files that could not be looked into are named; all are counted."""

UNLISTED: Final = "unlisted"
"""Why a folder was skipped: it cannot be listed."""

UNREAD: Final = "unread"
"""Why a file was skipped: its name is no image's, and its first bytes cannot be read."""

_NOTHING_THERE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""What the system says of a file that is gone, and of a link into nowhere or in a circle."""


_GONE: Final = (
    errno.ENOENT, errno.ESTALE, errno.EIO, errno.ENODEV, errno.ENOTCONN, errno.EHOSTDOWN,
    errno.ETIMEDOUT,
)  # fmt: skip
"""What it says of a folder that was there when its parent was listed, and is not any more."""


@dataclass(frozen=True)
class ImageItem:
    """One file that is taken: it gets exactly one row."""

    path: str
    """As in the report: relative to its root, forward slashes."""
    where: str
    """Absolute path of the file. A string, since a Path costs more than all else about a file."""

    @property
    def file(self) -> Path:
        """Where it is."""
        return Path(self.where)

    @property
    def key(self) -> bytes:
        """What the report is sorted by."""
        return os.fsencode(self.path)


@dataclass
class Skipped:
    """Counts of what was met and not taken, by why."""

    counts: Counter[str] = field(default_factory=Counter)
    """``hidden``, ``other`` (not an image), ``special`` (pipe, socket, device), ``loop`` (a link
    to a folder above it), and what may be lost: :data:`UNLISTED`, :data:`UNREAD`."""

    first_lost: list[str] = field(default_factory=list)
    """Paths of the first :data:`FIRST_LOST` of those, as in the report."""

    def add(self, why: str, path: str) -> None:
        """Count one."""
        self.counts[why] += 1
        if why in (UNLISTED, UNREAD) and len(self.first_lost) < FIRST_LOST:
            self.first_lost.append(printable(path))


def discover(paths: Sequence[Path], skipped: Skipped | None = None) -> Iterator[ImageItem]:
    """Yield the files to scan below ``paths``, sorted bytewise by their path in the report.

    Taken are files with a known image suffix, files without a suffix, and files whose first
    bytes are an image's or DICOM's; hidden files and folders are not. A file named as a path
    is always taken. Links are followed, but not back to a folder above. Names are held in memory
    of one folder at a time, and of the folders above it.

    Parameters
    ----------
    paths
        Files and folders.
    skipped
        Counts what is not taken.

    Raises
    ------
    UsageError
        As :func:`resolve_roots`, at once and not at the first item.
    ReportError
        A folder vanished: what it holds would be missing.
    """
    return _merge(resolve_roots(paths), skipped or Skipped())


def _merge(roots: Iterable[Root], skipped: Skipped) -> Iterator[ImageItem]:
    streams = [
        _walk(root, skipped)
        if root.path.is_dir()
        else iter([ImageItem(root.prefix, str(root.path))])
        for root in roots
    ]
    return heapq.merge(*streams, key=lambda item: item.key)


@dataclass
class _Folder:
    """A folder that is being walked."""

    where: str
    """Its absolute path, and a slash."""
    prefix: str
    """Of its files' paths in the report."""
    identity: tuple[int, int]
    """Device and inode."""
    names: list[bytes]
    """Of what is left, the next one last; folders end with a slash. Bytes are what the report is
    sorted by, and the smallest form of a million names."""


def _walk(root: Root, skipped: Skipped) -> Iterator[ImageItem]:
    # A stack of our own: a deep tree must not exhaust Python's.
    where = os.path.join(root.path, "")  # noqa: PTH118  (ends with a slash)
    first = _open(where, f"{root.prefix}/" if root.prefix else "", (), skipped)
    stack = [first] if first else []
    while stack:
        here = stack[-1]
        if not here.names:
            stack.pop()
            continue
        name = os.fsdecode(here.names.pop())
        where, path = here.where + name, here.prefix + name
        if name.endswith("/"):
            below = _open(where, path, stack, skipped)
            if below:
                stack.append(below)
        elif not_taken := _not_taken(name, where):
            skipped.add(not_taken, path)
        else:
            yield ImageItem(path, where)


def _open(where: str, prefix: str, above: Sequence[_Folder], skipped: Skipped) -> _Folder | None:
    """Return a folder with its names, None where it cannot or must not be gone into."""
    try:
        status = os.stat(where)  # noqa: PTH116  (no Path, as in ImageItem)
        identity = (status.st_dev, status.st_ino)
        if any(folder.identity == identity for folder in above):
            skipped.add("loop", prefix)
            return None
        names, not_taken = _list(where)
    except OSError as exc:
        if exc.errno in _GONE:
            raise ReportError(
                f"{where.rstrip('/')} is not there any more ({exc.strerror}): a disk was taken "
                "out, the network is down, or it was moved; bring it back and run the same command "
                "again"
            ) from exc
        skipped.add(UNLISTED, prefix or ".")
        return None
    skipped.counts.update(not_taken)
    return _Folder(where, prefix, identity, names)


def _list(where: str) -> tuple[list[bytes], Counter[str]]:
    """Return the names in a folder, last first, and counts of what is skipped by its kind."""
    names: list[bytes] = []
    not_taken: Counter[str] = Counter()
    with os.scandir(os.fsencode(where)) as listing:
        for entry in listing:
            name = entry.name
            if name.startswith(b"."):
                not_taken["hidden"] += 1
            elif _is_folder(entry):
                # It sorts as its name and a slash, as it stands in the paths below it.
                names.append(name + b"/")
            elif _is_special(entry):
                not_taken["special"] += 1
            else:
                names.append(name)
    names.sort(reverse=True)
    return names, not_taken


# A DirEntry knows what it is without a system call, unless it is a link.


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle: not a folder to go into
        return False


def _is_special(entry: os.DirEntry[bytes]) -> bool:
    try:
        # A link into nowhere is no regular file, nor is there anything else behind it.
        return not entry.is_file() and os.path.exists(entry.path)  # noqa: PTH110  (bytes)
    except OSError:  # it cannot be asked; whoever reads it says why
        return False


def _not_taken(name: str, where: str) -> str:
    """Tell why a file is skipped: by its name, or by first bytes of no image; empty if not."""
    stem, _, suffix = name.rpartition(".")
    if not stem or not suffix or f".{suffix.lower()}" in SUFFIXES:
        return ""
    try:
        with open_regular(where) as file:
            return "" if identify(file.read(HEAD_BYTES)) else "other"
    except OSError as exc:
        return "other" if exc.errno in _NOTHING_THERE else UNREAD
