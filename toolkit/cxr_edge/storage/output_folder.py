"""The folder that a run puts whole files into, as one small interface: on a disk, in a bucket."""

from collections.abc import Iterator
from typing import Protocol


class OutputFolder(Protocol):
    """A folder of files, each of which is there whole or not at all.

    Names have no slash. Every method may raise OSError.
    """

    @property
    def place(self) -> str:
        """Path or address of the folder, for messages."""

    def names(self) -> Iterator[str]:
        """Yield the names of its files in any order; none where the folder is not there."""

    def read(self, name: str) -> bytes:
        """Return the bytes of a file; raises FileNotFoundError where there is none."""

    def add(self, name: str, data: bytes) -> bool:
        """Write a file that is not there; return False, and leave it alone, where it is by now."""

    def replace(self, name: str, data: bytes) -> None:
        """Write a file, in place of one that may be there."""
