"""All bytes of one regular file, or the reason why not."""

import os
from pathlib import Path
from typing import Final

from cxr_edge.errors import TooLarge, Unreadable
from cxr_edge.storage.atomic import open_regular

MAX_BYTES: Final = 1 << 29
"""Files of more bytes (512 MiB) are refused before they are read."""


def read_file(path: Path) -> bytes:
    """Return all bytes of a regular file.

    Raises
    ------
    TooLarge
        More than :data:`MAX_BYTES`, nothing was read; or more than memory holds.
    Unreadable
        The operating system refuses, it is not a regular file, or it changed meanwhile.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                raise TooLarge(f"expected at most {MAX_BYTES} bytes, got {size}")
            data = file.read(size + 1)
    except OSError as exc:
        raise Unreadable(f"the file cannot be read: {exc.strerror or exc}") from exc
    except MemoryError as exc:
        raise TooLarge("expected a file that fits into memory, got a larger one") from exc
    if len(data) != size:
        raise Unreadable(
            f"expected the {size} bytes that the file had when it was opened, it "
            f"{'shrank' if len(data) < size else 'grew'}; scan it when it is copied"
        )
    return data
