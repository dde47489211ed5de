"""A folder that was entered, whether it is still the same, and what it lies in and holds."""

import contextlib
import os
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from cxr_edge.errors import FolderGone
from cxr_edge.storage.base import Storage
from cxr_edge.system.mounts import mount_points
from cxr_edge.system.printable import printable


@dataclass(frozen=True, eq=False)
class Folder:
    """A folder below a PATH, or the PATH itself."""

    where: str
    """Full path with a slash at the end."""
    prefix: str
    """Path in the report, before its files' names."""
    identity: Hashable
    """Identity in its storage; a disk that was taken out, or another in its place, changes it."""
    above: "Folder | None"
    """Folder that it is in; None for a PATH."""
    outside: frozenset[Hashable]
    """Identities of the folders above the PATH, and above those that links led to."""
    storage: Storage
    """Storage that it is in."""

    @property
    def is_nameless(self) -> bool:
        """Whether no folder on a disk can have its path, so that no file in it is taken."""
        return any(map(is_nameless, self.prefix.split("/")[:-1]))

    def check(self) -> None:
        """Raise where this folder or one above it is not what it was.

        Raises
        ------
        FolderGone
            It is gone, or another is in its place.
        """
        for folder in reversed([*self.and_above()]):  # the one that went, not those in it
            try:
                same = folder.storage.identity(folder.where) == folder.identity
            except OSError as exc:
                raise gone(folder.where, exc.strerror or "") from exc
            if not same:
                raise gone(folder.where)

    def is_in(self, identity: Hashable) -> bool:
        """Tell whether a folder is this one or one above it, below the PATH or outside of it."""
        return identity in self.outside or any(
            folder.identity == identity for folder in self.and_above()
        )

    def and_above(self) -> "Iterator[Folder]":
        """Yield this folder and those above it."""
        folder: Folder | None = self
        while folder:
            yield folder
            folder = folder.above


def is_nameless(name: str) -> bool:
    """Tell whether no file or folder on a disk can have a name, as one in a bucket can."""
    return name in ("", ".", "..") or "\0" in name


def identities_above(where: str, storage: Storage) -> frozenset[Hashable]:
    """Return the identities of the folders above one: by its path, and by where links lead."""
    places = (PurePosixPath(where), PurePosixPath(os.path.realpath(where)))
    found: set[Hashable] = set()
    for parent in {parent for place in places for parent in place.parents}:
        with contextlib.suppress(OSError):  # nobody reads it
            found.add(storage.identity(str(parent)))
    return frozenset(found)


def disks_below(root: str, storage: Storage) -> dict[str, Hashable]:
    """Return the identity of a PATH and of each disk that is mounted below it, by its path."""
    root = root.rstrip("/")
    below: list[str] = []
    if storage.is_local:
        real = os.path.realpath(root or "/").rstrip("/")
        places = (os.fsdecode(place) for place in mount_points())
        below = [place.removeprefix(real) for place in places if place.startswith(f"{real}/")]
    known: dict[str, Hashable] = {}
    for where in (f"{root}/", *(f"{root}{place}/" for place in below)):
        try:
            known[where] = storage.identity(where)
        except OSError:  # the walk comes to it, and says why
            continue
    return known


def gone(where: str, why: str = "") -> FolderGone:
    """Return the error for a folder that was there, and is not any more."""
    because = f" ({why})" if why else ""
    return FolderGone(
        f"{printable(where.rstrip('/'))} is no longer available{because}: disk removed, network "
        "down, or folder moved? Reconnect it and run the same command again, which continues "
        "from there"
    )
