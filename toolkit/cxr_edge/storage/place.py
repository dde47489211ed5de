"""The storage that a path of a command is in, by how the path is written."""

from typing import Final

from cxr_edge.storage.base import Storage
from cxr_edge.storage.local import LOCAL

WEB: Final = ("http://", "https://")
"""Beginnings of paths on a DICOMweb server."""


def storage_of(path: str) -> Storage:
    """Return the storage that a path is in."""
    if path.startswith(WEB):
        from cxr_edge.storage.dicomweb.storage import DicomWeb

        return DicomWeb(path)
    return LOCAL
