"""All bytes of one file, or the reason why they cannot be read."""

from pathlib import Path
from typing import Final

from cxr_edge.errors import TooLarge, Unreadable
from cxr_edge.storage.base import Storage
from cxr_edge.storage.local import LOCAL
from cxr_edge.storage.retry import refuse_shortage

MAX_BYTES: Final = 1 << 29
"""Files of more bytes (512 MiB) are refused before they are read."""


def read_file(path: str | Path, storage: Storage = LOCAL) -> bytes:
    """Return all bytes of a regular file, on this machine unless another storage is given.

    Raises
    ------
    TooLarge
        The file has more than :data:`MAX_BYTES`, and nothing was read; or more than memory holds.
    Unreadable
        The system refuses, the file is not a regular file, or it changed while it was read.
    MachineError
        As :func:`cxr_edge.storage.retry.refuse_shortage`.
    """
    try:
        return storage.read(str(path), MAX_BYTES)
    except OSError as exc:
        refuse_shortage(exc)
        raise Unreadable(f"the file cannot be read: {exc.strerror or exc}") from exc
    except ValueError as exc:
        raise Unreadable("the file cannot be read: no file can have such a name") from exc
    except MemoryError as exc:
        raise TooLarge("expected a file that fits into memory, got a larger one") from exc
