"""The storage that a path of a command is in, by how the path is written."""

from cxr_edge.storage.base import Storage
from cxr_edge.storage.local import LOCAL


def storage_of(path: str) -> Storage:
    """Return the storage that a path is in."""
    if path.startswith(("http://", "https://")):
        from cxr_edge.storage.dicomweb.storage import DicomWeb

        return DicomWeb(path)
    return LOCAL
