"""The storage that a path of a command is in, by how the path is written."""

from pathlib import Path
from typing import Final, Self

from cxr_edge.storage.base import Storage
from cxr_edge.storage.local import LOCAL

WEB: Final = ("http://", "https://")
"""Beginnings of paths on a DICOMweb server."""


class Placed(str):
    """A path with its storage, of which its text does not say all: an address and a query."""

    __slots__ = ("storage",)
    storage: Storage
    """Storage that it is in."""

    def __new__(cls, path: str, storage: Storage) -> Self:
        """Return the text of the path, which has its storage with it."""
        placed = super().__new__(cls, path)
        placed.storage = storage
        return placed


def storage_of(path: str | Path) -> Storage:
    """Return the storage that a path is in."""
    if isinstance(path, Placed):
        return path.storage
    if str(path).startswith(WEB):
        from cxr_edge.storage.dicomweb.storage import DicomWeb

        return DicomWeb(str(path))
    return LOCAL
