"""Folders to a sorted stream of :class:`ImageItem`; reads first bytes, decodes nothing."""

import errno
import heapq
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cxr_edge.errors import UsageError
from cxr_edge.imaging.other_contents import LOOK_BYTES, is_no_image, is_packed
from cxr_edge.imaging.sniff import SUFFIXES, identify
from cxr_edge.pipeline.folder import (
    Folder,
    disks_below,
    gone,
    identities_above,
    is_nameless,
)
from cxr_edge.pipeline.roots import Root, resolve_roots
from cxr_edge.pipeline.skipped import (
    BY_KIND,
    HIDDEN,
    LOOP,
    NAMELESS,
    OTHER,
    PACKED,
    SYSTEM,
    UNLISTED,
    Skipped,
)
from cxr_edge.storage.atomic import TEMP_PREFIX
from cxr_edge.storage.base import Entry, Kind, Storage
from cxr_edge.storage.local import LOCAL
from cxr_edge.storage.system_names import is_hidden, is_system
from cxr_edge.system.printable import printable

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
    folder: Folder | None = field(default=None, compare=False, repr=False)
    """Folder that it was found in; None for a file that is itself a PATH."""
    storage: Storage = field(default=LOCAL, compare=False, repr=False)
    """Storage that it is in."""

    @property
    def file(self) -> Path:
        """Path of the file, for what reads files of this machine alone.

        Raises
        ------
        UsageError
            It is in another storage.
        """
        if not self.storage.is_local:
            raise UsageError(
                f"expected files and folders of this machine, got {printable(self.where)}; copy "
                "or unpack the images into a folder first"
            )
        return Path(self.where)

    @property
    def key(self) -> bytes:
        """Sort key of the report: the bytes of the path."""
        return os.fsencode(self.path)


def discover(
    paths: Sequence[str | Path],
    skipped: Skipped | None = None,
    storage: Storage | None = None,
    own: Collection[str] = (),
) -> Iterator[ImageItem]:
    """Yield the files to scan below ``paths``, sorted bytewise by their path in the report.

    A file is taken if it has a known image suffix or starts as an image or DICOM does; one without
    a suffix, or with a number for one, unless it is certainly no image; and one that cannot be
    looked into, whose row says why. Hidden files and folders, those of a system and packed files
    are skipped. A file named as a path is always taken. Links are followed, but not back to a
    folder above, which may be one that the path is in. Memory holds the names of one folder at a
    time, and of the folders above it.

    Parameters
    ----------
    paths
        Files and folders.
    skipped
        Counts the files and folders that are not taken.
    storage
        Storage of the paths; by default each says which it is in.
    own
        Full paths of the command's own files, which are neither taken nor counted.

    Raises
    ------
    UsageError
        As :func:`resolve_roots`, at once and not at the first item.
    ReportError
        A folder vanished: the images in it would be missing.
    MachineError
        This process cannot open one more file.
    """
    return _walk_all(paths, skipped or Skipped(), storage, own, _reason_to_skip)


def candidates(
    paths: Sequence[str | Path],
    storage: Storage | None = None,
    own: Collection[str] = (),
    skipped: Skipped | None = None,
) -> Iterator[ImageItem]:
    """Yield the files below ``paths`` that may be taken, without opening one.

    For a count beside a scan: the files that :func:`discover` takes, and those that it opens and
    then skips as :data:`OTHER`. Parameters and errors are those of :func:`discover`.
    """
    return _walk_all(paths, skipped or Skipped(), storage, own, lambda _name, _where, _storage: "")


def why_skipped(item: ImageItem) -> str:
    """Return why a file of :func:`candidates` is skipped by its first bytes; empty if it is not."""
    name = item.path.rpartition("/")[2]
    if _has_image_suffix(name):
        return ""
    try:
        return _reason_to_skip(name, item.where, item.storage)
    except OSError:  # it is taken, and its row says why it cannot be read
        return ""


_Judge = Callable[[str, str, Storage], str]
"""Returns why a file is skipped, empty where it is taken; gets its name and its full path."""


def _walk_all(
    paths: Sequence[str | Path],
    skipped: Skipped,
    storage: Storage | None,
    own: Collection[str],
    judge: _Judge,
) -> Iterator[ImageItem]:
    own = frozenset(own)
    streams = [
        _Walk(root, skipped, own, judge).items()
        if root.is_folder
        else iter([ImageItem(root.prefix, root.where, storage=root.storage)])
        for root in resolve_roots(paths, storage)
        if root.where not in own
    ]
    return heapq.merge(*streams, key=lambda item: item.key)


class _Walk:
    """A walk through a PATH, which ends with an error where a folder goes."""

    def __init__(
        self,
        root: Root,
        skipped: Skipped,
        own: frozenset[str],
        judge: _Judge,
    ) -> None:
        """Note which disks there are, before the first file is read."""
        self._skipped, self._storage, self._own, self._judge = skipped, root.storage, own, judge
        self._where = f"{root.where.rstrip('/')}/"
        self._prefix = f"{root.prefix}/" if root.prefix else ""
        self._known = disks_below(self._where, root.storage)
        skipped.disks += (
            printable(self._prefix + where.removeprefix(self._where))
            for where in self._known
            if where != self._where
        )

    def items(self) -> Iterator[ImageItem]:
        # A stack of our own: a deep tree must not exhaust Python's.
        stack: list[tuple[Folder, Iterator[Entry]]] = []
        opened = root = self._open(self._where, self._prefix, None)
        while opened or stack:
            if opened:
                stack.append(opened)
            folder, entries = stack[-1]
            opened = None
            inherited = NAMELESS if folder.is_nameless else ""
            for name, kind in entries:
                where, path = folder.where + name, folder.prefix + name
                if where in self._own or name.startswith(TEMP_PREFIX):
                    continue
                is_folder = kind is Kind.FOLDER
                reason = _by_name(name, kind) or inherited
                if reason and not (reason == NAMELESS and is_folder):
                    self._skipped.add(reason, path + "/" * is_folder)
                elif is_folder:
                    opened = self._open(f"{where}/", f"{path}/", folder)
                    break  # into it, and later on with the next entry
                elif reason := self._by_content(name, where, folder):
                    self._skipped.add(reason, path)
                else:
                    yield ImageItem(path, where, folder, self._storage)
            else:
                stack.pop()
        if root:
            root[0].check()

    def _open(
        self, where: str, prefix: str, above: Folder | None
    ) -> tuple[Folder, Iterator[Entry]] | None:
        """Return a folder with its entries, None where it cannot or must not be entered."""
        try:
            identity = self._storage.identity(where)
            if self._known.get(where, identity) != identity:
                raise gone(where)
            if above and above.is_in(identity):
                self._skipped.add(LOOP, prefix)
                return None
            outside = above.outside if above else frozenset()
            if self._storage.is_local and (
                above is None or os.path.islink(where.rstrip("/"))  # noqa: PTH114
            ):
                outside |= identities_above(where, self._storage)
            folder = Folder(where, prefix, identity, above, outside, self._storage)
            return folder, _until_gone(self._storage.list(where), folder)
        except OSError as exc:
            if exc.errno in _GONE:
                raise gone(where, exc.strerror or "") from exc
            self._skipped.add(UNLISTED, prefix or ".")
            return None

    def _by_content(self, name: str, where: str, folder: Folder) -> str:
        """Return why a file is skipped; one that cannot be looked into is taken."""
        if _has_image_suffix(name):
            return ""
        try:
            return self._judge(name, where, self._storage)
        except OSError:
            folder.check()
            return ""


def _until_gone(entries: Iterator[Entry], folder: Folder) -> Iterator[Entry]:
    """Yield the entries of a folder; one that cannot be listed to its end is gone."""
    try:
        yield from entries
    except OSError as exc:
        raise gone(folder.where, exc.strerror or "") from exc


def _by_name(name: str, kind: Kind) -> str:
    """Return why an entry of a folder is skipped by its name and kind; empty if it is not."""
    if is_nameless(name):
        return NAMELESS
    if is_hidden(name):
        return HIDDEN
    if is_system(name):
        return SYSTEM
    if reason := BY_KIND.get(kind):
        return reason
    if kind is Kind.FILE and is_packed(name) and not _has_image_suffix(name):
        return PACKED
    return ""


def _has_image_suffix(name: str) -> bool:
    stem, dot, suffix = name.rpartition(".")
    return bool(stem) and f"{dot}{suffix.lower()}" in SUFFIXES


def _reason_to_skip(name: str, where: str, storage: Storage) -> str:
    """Return why a file is skipped, by its first bytes; empty if it is not."""
    with storage.open(where) as file:
        head = file.read(LOOK_BYTES)
    if is_no_image(name, head):
        return OTHER
    stem, _, suffix = name.rpartition(".")
    nameless = not stem or not suffix or suffix.isdecimal()  # films named by a UID end in a number
    return "" if nameless or identify(head) else OTHER
