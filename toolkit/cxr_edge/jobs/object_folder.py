"""A folder of DICOM objects, each in a file that has its UID for a name."""

import os
import shutil
import threading
from enum import StrEnum
from errno import ENOSPC
from hashlib import sha256
from pathlib import Path
from typing import Final

from cxr_edge.errors import UsageError
from cxr_edge.storage.atomic import atomic_write, remove_half_written
from cxr_edge.storage.open_regular import open_regular

_MEGABYTE: Final = 1_000_000


class Put(StrEnum):
    """Ends of putting an object into the folder, as the log says them."""

    STORED = "stored"
    BESIDE = "stored beside another object of this UID"
    AGAIN = "was there already"


class ObjectFolder:
    """A folder that several threads put objects into; none is replaced.

    Parameters
    ----------
    path
        The folder.
    reserve
        Megabytes of its disk that stay free.
    """

    def __init__(self, path: Path, reserve: int) -> None:
        self.path = path
        self._reserve = reserve
        self._lock = threading.Lock()

    def open(self) -> None:
        """Check that the folder can be written to, and remove what a killed process left in it.

        Raises
        ------
        UsageError
            It is not there, or is not writable; it is never made.
        """
        try:
            writable = self.path.is_dir() and os.access(self.path, os.W_OK)
            if writable:
                remove_half_written(self.path)
        except OSError:
            writable = False
        if not writable:
            raise UsageError(
                f"INBOX: expected a folder that can be written to, got {self.path}; make it, or "
                "choose another"
            )

    def put(self, uid: str, data: bytes) -> Put:
        """Write an object, unless it is there; it is on the disk when this returns.

        Another object of the same UID keeps its file: the new one has a part of its SHA-256 in
        its name.

        Parameters
        ----------
        uid
            SOP Instance UID.
        data
            All bytes of the file.

        Raises
        ------
        OSError
            It cannot be written; ``ENOSPC`` also where less than the reserve would stay free.
        """
        done, path = Put.STORED, self.path / f"{uid}.dcm"
        with self._lock:  # two callers may send the same object
            if path.exists():
                digest = sha256(data).digest()
                with open_regular(path) as file:
                    if sha256(file.read()).digest() == digest:
                        return Put.AGAIN
                done = Put.BESIDE
                path = path.with_name(f"{uid}.{digest.hex()[:12]}.dcm")
                if path.exists():
                    return Put.AGAIN
            if shutil.disk_usage(self.path).free - len(data) < self._reserve * _MEGABYTE:
                raise OSError(ENOSPC, "the disk is full")
            with atomic_write(path, durable=True) as temporary:
                temporary.write_bytes(data)
        return done
