"""A folder that was entered, and whether it is still the same."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from cxr_edge.errors import ReportError
from cxr_edge.storage.base import Storage
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
    storage: Storage
    """Storage that it is in."""

    def check(self) -> None:
        """Raise where this folder or one above it is not what it was.

        Raises
        ------
        ReportError
            It is gone, or another is in its place.
        """
        for folder in reversed([*self.and_above()]):  # the one that went, not those in it
            try:
                same = folder.storage.identity(folder.where) == folder.identity
            except OSError as exc:
                raise gone(folder.where, exc.strerror or "") from exc
            if not same:
                raise gone(folder.where)

    def and_above(self) -> "Iterator[Folder]":
        """Yield this folder and those above it."""
        folder: Folder | None = self
        while folder:
            yield folder
            folder = folder.above


def gone(where: str, why: str = "") -> ReportError:
    """Return the error for a folder that was there, and is not any more."""
    because = f" ({why})" if why else ""
    return ReportError(
        f"{printable(where.rstrip('/'))} is no longer available{because}: disk removed, network "
        "down, or folder moved? Reconnect it and run the same command again, which continues "
        "from there"
    )
