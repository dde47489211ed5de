"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a name beside ``path`` to write to, and rename it to ``path`` when all went well.

    A reader finds the old file or the new one, never half of one. The name ends as ``path`` does,
    for libraries that judge by it.
    """
    half = path.with_name(f"half-{path.name}")
    yield half
    half.replace(path)


def write_whole(path: Path, text: str, *, durable: bool = False) -> None:
    """Replace a text file; ``durable`` waits until it is on the disk."""
    with whole(path) as half, half.open("w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
        if durable:
            file.flush()
            os.fsync(file.fileno())
