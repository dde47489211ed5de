"""A folder of whole files in a bucket of S3, or of a server that speaks its language."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from cxr_edge.storage.base import Kind
from cxr_edge.storage.s3 import S3Storage, put

_LARGEST: Final = 1 << 30
"""Bytes of a file that is read."""


@dataclass(frozen=True)
class S3Output:
    """A folder in a bucket, as :class:`cxr_edge.storage.output_folder.OutputFolder`."""

    place: str
    """Address of the folder, without a slash at its end."""

    def names(self) -> Iterator[str]:
        """Yield the names of its files; a page of them is in memory."""
        listed = S3Storage().list(f"{self.place}/")
        return (name for name, kind in listed if kind is Kind.FILE and name)

    def read(self, name: str) -> bytes:
        """Return the bytes of a file."""
        return S3Storage().read(f"{self.place}/{name}", _LARGEST)

    def add(self, name: str, data: bytes) -> bool:
        """Put a file on the condition that none is there, which the server decides.

        Where its answer is lost and it is asked again, it may find what it took the first time.
        """
        try:
            self._put(name, data, {"IfNoneMatch": "*"})
        except FileExistsError:
            return False
        return True

    def replace(self, name: str, data: bytes) -> None:
        """Put a file, in place of one that may be there."""
        self._put(name, data, {})

    def _put(self, name: str, data: bytes, condition: dict[str, Any]) -> None:
        put(f"{self.place}/{name}", data, condition)
