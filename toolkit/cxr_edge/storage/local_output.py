"""A folder of whole files on a disk."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cxr_edge.storage.atomic import (
    TEMP_PREFIX,
    remove_half_written,
    sync_folder,
    write_bytes_atomically,
)


@dataclass(frozen=True)
class LocalOutput:
    """A folder of this machine, as :class:`cxr_edge.storage.output_folder.OutputFolder`."""

    path: Path
    """Path of the folder; it is made with the first file."""

    @property
    def place(self) -> str:
        """Path of the folder."""
        return str(self.path)

    def names(self) -> Iterator[str]:
        """Yield the names of its files and folders."""
        try:
            with os.scandir(self.path) as entries:
                yield from (entry.name for entry in entries)
        except FileNotFoundError:
            return

    def read(self, name: str) -> bytes:
        """Return the bytes of a file."""
        return (self.path / name).read_bytes()

    def add(self, name: str, data: bytes) -> bool:
        """Write a file to the disk under another name, and give it its own, unless that is taken.

        A disk without hard links cannot give a name that is taken by nobody else at that moment;
        there it needs the lock of the run.
        """
        self.path.mkdir(exist_ok=True)
        half, path = self.path / f"{TEMP_PREFIX}{os.urandom(8).hex()}", self.path / name
        try:
            with half.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            try:
                path.hardlink_to(half)
            except FileExistsError:
                return False
            except OSError:
                if os.path.lexists(path):
                    return False
                half.rename(path)
        finally:
            half.unlink(missing_ok=True)
        sync_folder(self.path)
        return True

    def replace(self, name: str, data: bytes) -> None:
        """Write a file to the disk, in place of one that may be there."""
        self.path.mkdir(exist_ok=True)
        write_bytes_atomically(self.path / name, data)

    def clean(self) -> None:
        """Remove what killed processes left half-written; nobody else may write there now."""
        remove_half_written(self.path)
