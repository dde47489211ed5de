"""The storage that a path of a command is in, by how the path is written."""

from cxr_edge.storage.base import Storage
from cxr_edge.storage.local import LOCAL


def storage_of(path: str) -> Storage:  # noqa: ARG001  (this machine is all that is known)
    """Return the storage that a path is in."""
    return LOCAL
