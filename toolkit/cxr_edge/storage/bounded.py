"""JSON, archives and small files from elsewhere, read with a limit on size and depth."""

import errno
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from cxr_edge.storage.open_regular import open_regular

MAX_JSON: Final = 1 << 24
"""Largest JSON in bytes: 16 MiB, enough for a spec that lists over 200,000 images."""

MAX_MEMBER: Final = 1 << 26
"""Largest archive member in bytes: 64 MiB, enough for an image of the largest model input."""

MAX_EXPANSION: Final = 16
"""Factor by which the members of an archive may exceed its size, beyond :data:`MAX_MEMBER`."""

_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
)
"""Errors of zipfile for archives that are damaged, encrypted or of another kind."""


def read_at_most(path: Path, limit: int) -> bytes:
    """Return all bytes of a regular file of at most ``limit`` bytes.

    Raises
    ------
    OSError
        The file cannot be read, is not a regular file, or is larger.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise OSError(errno.EFBIG, f"expected at most {limit} bytes, got {size}")
        return file.read(size)


def parse_json(text: str | bytes) -> Any:  # Any: as json.loads
    """Parse JSON of bounded length and depth.

    Raises
    ------
    ValueError
        The text is not JSON, is longer than :data:`MAX_JSON`, or is nested deeper than Python goes.
    """
    if len(text) > MAX_JSON:
        raise ValueError(f"expected at most {MAX_JSON} bytes of JSON, got {len(text)}")
    try:
        return json.loads(text)
    except RecursionError as exc:
        raise ValueError("it is nested too deeply") from exc


@contextmanager
def open_archive(file: Path | BytesIO) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive, and refuse one whose members do not stay inside it.

    Raises
    ------
    ValueError
        It is damaged, a member's name leads out of it, or it is a decompression bomb.
    """
    with ExitStack() as stack:
        with _damage_named():
            archive = stack.enter_context(zipfile.ZipFile(file))
            _check(archive)
        yield archive  # outside: errors of the caller's work are not damage


def read_member(archive: zipfile.ZipFile, name: str, limit: int = MAX_MEMBER) -> bytes:
    """Return the bytes of one member; nothing is written to a disk.

    Raises
    ------
    KeyError
        There is no member of that name.
    ValueError
        The member is damaged, larger than ``limit``, or not compressed by deflate.
    """
    info = archive.getinfo(name)
    if info.file_size > limit:  # zipfile never returns more than this
        raise ValueError(f"{name!r} has {info.file_size} bytes, expected at most {limit}")
    if info.compress_type not in _METHODS:
        raise ValueError(f"{name!r} is not compressed by deflate")
    with _damage_named():
        return archive.read(info)


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except DAMAGE as exc:
        raise ValueError(f"damaged archive: {exc}") from exc


def _check(archive: zipfile.ZipFile) -> None:
    size = 0
    for info in archive.infolist():
        size += info.file_size
        name = info.orig_filename  # as stored, before zipfile changes it
        if name.startswith("/") or ".." in name.split("/") or set(name) & set("\\:\0"):
            raise ValueError(f"the member {name!r} leads out of the archive")
    allowed = MAX_EXPANSION * archive.start_dir + MAX_MEMBER
    if size > allowed:
        raise ValueError(f"its members grow to {size} bytes, expected at most {allowed}")
