"""Folders to a sorted stream of :class:`ImageItem`; looks at first bytes, decodes nothing."""

import heapq
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxr_edge.errors import UsageError
from cxr_edge.formats import HEAD_BYTES, SUFFIXES, identify


@dataclass(frozen=True)
class ImageItem:
    """One file that is taken: it gets exactly one row."""

    path: str
    """As in the report: relative to its root, forward slashes."""
    file: Path
    """Where it is."""

    @property
    def key(self) -> bytes:
        """What the report is sorted by."""
        return os.fsencode(self.path)


@dataclass(frozen=True)
class Root:
    """A PATH of the command, and the name its files carry in the report."""

    path: Path
    """File or folder."""
    prefix: str
    """Put before each file's path; empty for a single root."""


@dataclass
class PassedOver:
    """Counts of what was met and not taken, by why."""

    counts: Counter[str] = field(default_factory=Counter)
    """``hidden``, ``other`` (not an image), ``special`` (pipe, socket, device), ``unlisted``
    (a folder that cannot be listed), ``loop`` (a link to a folder above it)."""


def resolve_roots(paths: Sequence[Path]) -> list[Root]:
    """Check the PATHs of a command and name them for the report.

    A path given twice counts once. Several paths are named by as many of their last parts as
    tell them apart.

    Raises
    ------
    UsageError
        A path does not exist, or no names tell the paths apart.
    """
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(f"expected a file or folder, {path} does not exist")
    absolute = list(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))  # noqa: PTH100  (links stay)
    if len(absolute) == 1:
        root = absolute[0]
        return [Root(root, "" if root.is_dir() else root.name)]
    depth = dict.fromkeys(absolute, 1)
    while True:
        names = {path: "/".join(path.parts[1:][-count:]) for path, count in depth.items()}
        counts = Counter(names.values())
        clashing = [path for path, name in names.items() if counts[name] > 1]
        if not clashing:
            break
        for path in clashing:
            depth[path] += 1
    for path, name in names.items():
        for other in names.values():
            if other.startswith(name + "/"):
                raise UsageError(
                    f"expected PATHs whose names tell them apart, came {name} ({path}) and "
                    f"{other}; scan them one at a time"
                )
    return [Root(path, name) for path, name in names.items()]


def discover(paths: Sequence[Path], passed_over: PassedOver | None = None) -> Iterator[ImageItem]:
    """Yield the files to scan below ``paths``, sorted bytewise by their path in the report.

    Taken are files with a known image suffix, files without a suffix, and files whose first
    bytes are an image's or DICOM's; hidden files and folders are not. A file named as a path
    is always taken. Links are followed, but not back to a folder above. One folder's names at
    a time are held in memory.

    Parameters
    ----------
    paths
        Files and folders.
    passed_over
        Counts what is not taken.

    Raises
    ------
    UsageError
        As :func:`resolve_roots`, at once and not at the first item.
    """
    return _merge(resolve_roots(paths), passed_over or PassedOver())


def _merge(roots: Iterable[Root], passed_over: PassedOver) -> Iterator[ImageItem]:
    streams = [
        _walk(root.path, f"{root.prefix}/" if root.prefix else "", passed_over, ())
        if root.path.is_dir()
        else iter([ImageItem(root.prefix, root.path)])
        for root in roots
    ]
    return heapq.merge(*streams, key=lambda item: item.key)


def _walk(
    folder: Path, prefix: str, passed_over: PassedOver, above: tuple[tuple[int, int], ...]
) -> Iterator[ImageItem]:
    try:
        status = folder.stat()
        with os.scandir(folder) as listing:
            entries = [(entry.name, _is_folder(entry)) for entry in listing]
    except OSError:
        passed_over.counts["unlisted"] += 1
        return
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        passed_over.counts["loop"] += 1
        return
    # A folder sorts as its name and a slash, as it stands in the paths below it.
    entries.sort(key=lambda entry: os.fsencode(entry[0]) + (b"/" if entry[1] else b""))
    for name, is_folder in entries:
        if name.startswith("."):
            passed_over.counts["hidden"] += 1
        elif is_folder:
            below = (*above, identity)
            yield from _walk(folder / name, f"{prefix}{name}/", passed_over, below)
        elif why := _why_not(folder / name):
            passed_over.counts[why] += 1
        else:
            yield ImageItem(prefix + name, folder / name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link into nowhere or in a circle: not a folder to go into
        return False


def _why_not(path: Path) -> str:
    """Return why a file is passed over, empty where it is taken."""
    suffix = path.suffix.lower()
    try:
        if path.exists() and not path.is_file():
            return "special"
        if suffix in SUFFIXES or not suffix:
            return ""
        with path.open("rb") as file:
            return "" if identify(file.read(HEAD_BYTES)) else "other"
    except OSError:  # unreadable, and by its name no image
        return "other"
