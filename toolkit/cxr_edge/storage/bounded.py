"""JSON, archives and small files of other people's making, read with a bound."""

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

from cxr_edge.storage.atomic import open_regular

MAX_JSON: Final = 1 << 24
"""Bytes of JSON that are parsed: 16 MiB, a spec that lists over 200,000 images."""

MAX_MEMBER: Final = 1 << 26
"""Bytes of one archive member that is read: 64 MiB, an image of the largest model input."""

MAX_EXPANSION: Final = 16
"""So many times its own size an archive may grow, beyond :data:`MAX_MEMBER`."""

_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
)
"""What zipfile raises for archives that are damaged, encrypted or of another kind."""


def read_at_most(path: Path, limit: int) -> bytes:
    """Return all bytes of a regular file of at most ``limit`` bytes.

    Raises
    ------
    OSError
        It cannot be read, is not a regular file, or is larger.
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
        It is none, is longer than :data:`MAX_JSON`, or is nested deeper than Python goes.
    """
    if len(text) > MAX_JSON:
        raise ValueError(f"expected at most {MAX_JSON} bytes of JSON, got {len(text)}")
    try:
        return json.loads(text)
    except RecursionError as exc:
        raise ValueError("it is nested too deeply") from exc


@contextmanager
def open_archive(file: Path | BytesIO) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive whose members stay within it, in name and in size.

    Raises
    ------
    ValueError
        It is damaged, has a member whose name leads out of it, or is a decompression bomb.
    """
    with ExitStack() as stack:
        with _damage_named():
            archive = stack.enter_context(zipfile.ZipFile(file))
            _check(archive)
        yield archive  # what the caller's own work raises stays what it is


def read_member(archive: zipfile.ZipFile, name: str, limit: int = MAX_MEMBER) -> bytes:
    """Return the bytes of one member; nothing is ever written to a disk.

    Raises
    ------
    KeyError
        There is none of that name.
    ValueError
        It is damaged, larger than ``limit``, or compressed otherwise than by deflate.
    """
    info = archive.getinfo(name)
    if info.file_size > limit:  # zipfile never gives more than it says here
        raise ValueError(f"{name!r} has {info.file_size} bytes, expected at most {limit}")
    if info.compress_type not in _METHODS:
        raise ValueError(f"{name!r} is compressed otherwise than by deflate")
    with _damage_named():
        return archive.read(info)


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except _DAMAGE as exc:
        raise ValueError(f"damaged archive: {exc}") from exc


def _check(archive: zipfile.ZipFile) -> None:
    size = 0
    for info in archive.infolist():
        size += info.file_size
        name = info.orig_filename  # as it is, before zipfile mends it
        if name.startswith("/") or ".." in name.split("/") or set(name) & set("\\:\0"):
            raise ValueError(f"the member {name!r} leads out of the archive")
    allowed = MAX_EXPANSION * archive.start_dir + MAX_MEMBER
    if size > allowed:
        raise ValueError(f"its members grow to {size} bytes, expected at most {allowed}")
