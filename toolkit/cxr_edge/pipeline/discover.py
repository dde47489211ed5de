"""Folders to a sorted stream of :class:`ImageItem`; reads first bytes, decodes nothing."""

import errno
import heapq
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cxr_edge.errors import UsageError
from cxr_edge.imaging.other_contents import LOOK_BYTES, is_no_image, is_packed
from cxr_edge.imaging.sniff import SUFFIXES, identify
from cxr_edge.pipeline.folder import Folder, disks_below, gone, identities_above
from cxr_edge.pipeline.roots import Root, resolve_roots
from cxr_edge.storage.atomic import TEMP_PREFIX
from cxr_edge.storage.base import Entry, Kind, Storage
from cxr_edge.storage.local import LOCAL
from cxr_edge.storage.system_names import is_hidden, is_system
from cxr_edge.system.printable import printable

FIRST_LOST: Final = 5
"""Count of folders and files that may hold images and are named; all are counted."""

HIDDEN: Final = "hidden"
"""Key of hidden files and folders."""

SYSTEM: Final = "system"
"""Key of files and folders that a system made for itself: thumbnails, trash, snapshots."""

SPECIAL: Final = "special"
"""Key of pipes, sockets and devices."""

LINK: Final = "link"
"""Key of links, where none is followed."""

NAMELESS: Final = "name"
"""Key of files and folders in a bucket or an archive whose names no file can have: empty, ``..``,
or with a NUL. A bucket's key ``a//b.png`` is in a folder with an empty name."""

REPLACED: Final = "replaced"
"""Key of files in an archive that a later one of the same name replaces."""

LOOP: Final = "loop"
"""Key of links to a folder above them, in the PATH or outside of it."""

OTHER_MODALITY: Final = "other-modality"
"""Key of series in an archive that have no radiographs."""

OTHER_BODY_PART: Final = "other-body-part"
"""Key of series and images in an archive that show no chest."""

UNLISTED: Final = "unlisted"
"""Key of folders that were skipped because they cannot be listed."""

PACKED: Final = "packed"
"""Key of archives and compressed files, which nobody looks into."""

OTHER: Final = "other"
"""Key of files that are no images, by their first bytes."""

MAY_HOLD_IMAGES: Final = (UNLISTED, PACKED, NAMELESS, REPLACED)
"""Keys of what is skipped although images may be in it."""

SKIP_REASONS: Final[Mapping[str, tuple[str, str]]] = {
    OTHER: ("not an image", "not images"),
    HIDDEN: ("hidden", "hidden"),
    SYSTEM: (
        "thumbnail, trash or snapshot of a system",
        "thumbnails, trash or snapshots of a system",
    ),
    SPECIAL: ("pipe, socket or device", "pipes, sockets or devices"),
    LINK: ("link", "links"),
    NAMELESS: ("name that no file can have", "names that no file can have"),
    REPLACED: (
        "file that a later one of its name replaces",
        "files that later ones of their names replace",
    ),
    LOOP: ("link to a folder above", "links to a folder above"),
    OTHER_MODALITY: ("series of another modality", "series of other modalities"),
    OTHER_BODY_PART: ("image or series of no chest", "images or series of no chest"),
    UNLISTED: ("folder that could not be read", "folders that could not be read"),
    PACKED: ("packed file", "packed files"),
}
"""Words for the reasons why files and folders are skipped: for one, and for several."""

_BY_KIND: Final[Mapping[Kind, str]] = {
    Kind.SPECIAL: SPECIAL,
    Kind.LINK: LINK,
    Kind.REPLACED: REPLACED,
    Kind.OTHER_MODALITY: OTHER_MODALITY,
    Kind.OTHER_BODY_PART: OTHER_BODY_PART,
}
"""Reasons why an entry of a folder is skipped, by its kind."""

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


@dataclass
class Skipped:
    """Counts of the files and folders that were not taken, by reason."""

    counts: Counter[str] = field(default_factory=Counter)
    """Counts by key of :data:`SKIP_REASONS`."""

    first_lost: list[str] = field(default_factory=list)
    """Paths of the first :data:`FIRST_LOST` of :data:`MAY_HOLD_IMAGES`, as in the report."""

    disks: list[str] = field(default_factory=list)
    """Paths, as in the report, of the disks that are mounted below the PATHs and are walked."""

    def add(self, reason: str, path: str) -> None:
        """Count one."""
        self.counts[reason] += 1
        if reason in MAY_HOLD_IMAGES and len(self.first_lost) < FIRST_LOST:
            self.first_lost.append(printable(path))


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
            for name, kind in entries:
                where, path = folder.where + name, folder.prefix + name
                if where in self._own or name.startswith(TEMP_PREFIX):
                    continue
                if reason := _by_name(name, kind):
                    self._skipped.add(reason, path + "/" * (kind is Kind.FOLDER))
                elif kind is Kind.FOLDER:
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
    if name in ("", ".", "..") or "\0" in name:
        return NAMELESS
    if is_hidden(name):
        return HIDDEN
    if is_system(name):
        return SYSTEM
    if reason := _BY_KIND.get(kind):
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
