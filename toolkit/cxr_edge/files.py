"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a name beside ``path`` to write to, and rename it to ``path`` when all went well.

    A reader finds the old file or the new one, never half of one. The name ends as ``path`` does,
    for libraries that judge by it. ``durable`` waits until the file is on the disk.
    """
    half = path.with_name(f"half-{path.name}")
    try:
        yield half
        if durable:
            with half.open("rb+") as file:
                os.fsync(file.fileno())
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    half.replace(path)


def write_whole(path: Path, text: str, *, durable: bool = False) -> None:
    """Replace a text file; as :func:`whole`."""
    with whole(path, durable=durable) as half:
        half.write_text(text, encoding="utf-8", errors="surrogateescape")
