"""The storage that a path of a command is in, by how the path is written."""

import os
import re
from pathlib import Path
from typing import Final, Self

from cxr_edge.errors import UsageError
from cxr_edge.storage.archive_kind import is_archive
from cxr_edge.storage.base import Storage
from cxr_edge.storage.local import LOCAL
from cxr_edge.storage.schemes import BROUGHT_BY, S3
from cxr_edge.system.printable import printable, shortened

WEB: Final = ("http://", "https://")
"""Beginnings of paths on a DICOMweb server."""

_FILE: Final = "file://"

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/]*)")

_ONE_SLASH: Final = re.compile(rf"({'|'.join((*BROUGHT_BY, 'https?'))}):/(?!/)", re.IGNORECASE)
"""Beginning of an address that has lost a slash."""

_SIGNED: Final = re.compile(r"[?&](?:sig|X-Amz-Signature|X-Goog-Signature)=", re.IGNORECASE)
"""Part of an address that is signed for whoever has it."""


class Placed(str):
    """A path with its storage, of which its text does not say all: an address and a query."""

    __slots__ = ("storage",)
    storage: Storage
    """Storage that it is in."""

    def __new__(cls, path: str, storage: Storage) -> Self:
        """Return the text of the path, which has its storage with it."""
        placed = super().__new__(cls, path)
        placed.storage = storage
        return placed


def without_file_scheme(path: str) -> str:
    """Return the path of a ``file://`` address, and any other path as it is."""
    return path.removeprefix(_FILE) if path.startswith(f"{_FILE}/") else path


def address_in(path: str) -> str:
    """Return an address for a message, without credentials; empty for a path of this machine."""
    if found := _URL.match(path):
        secret = _has_secret(found[1].lower(), found[2], path)
        return f"{found[1]}://..." if secret else shortened(printable(path))
    return shortened(printable(path)) if _lost_a_slash(path) else ""


def storage_of(path: str | Path) -> Storage:
    """Return the storage that a path is in.

    A path that starts with a scheme is elsewhere, and a file whose name is that of an archive is a
    folder; all others are of this machine.

    Raises
    ------
    UsageError
        The scheme is unknown or misspelt, or the path has credentials in it, which are not
        repeated.
    """
    if isinstance(path, Placed):
        return path.storage
    path = without_file_scheme(str(path))
    if found := _URL.match(path):
        return _elsewhere(found[1].lower(), found[2], path)
    if scheme := _lost_a_slash(path):
        raise UsageError(
            f"{printable(path)}: expected an address with two slashes; write {scheme.lower()}://"
        )
    plain = os.path.abspath(path)  # noqa: PTH100  (links stay)
    if is_archive(plain) and os.path.isfile(plain):  # noqa: PTH113  (a name may be too long)
        from cxr_edge.storage.archive import ArchiveStorage

        return ArchiveStorage(plain)
    return LOCAL


def _lost_a_slash(path: str) -> str:
    """Return the scheme of an address with one slash, unless a folder of that name is here."""
    found = _ONE_SLASH.match(path)
    return found[1] if found and not os.path.lexists(f"{found[1]}:") else ""


def _has_secret(scheme: str, bucket: str, path: str) -> bool:
    secret = "@" in bucket if scheme not in ("az", "abfs") else ":" in bucket.partition("@")[0]
    return secret or bool(_SIGNED.search(path))


def _elsewhere(scheme: str, bucket: str, path: str) -> Storage:
    if _has_secret(scheme, bucket, path):
        raise UsageError(
            f"{scheme}://: expected a path without credentials, got one that has them in it; give "
            "them in the environment or a profile"
        )
    if not path.startswith(f"{scheme}://"):
        raise UsageError(f"{printable(path)}: write {scheme}:// in small letters")
    if path.startswith(WEB):
        from cxr_edge.storage.dicomweb.storage import DicomWeb

        return DicomWeb(path)
    if scheme not in BROUGHT_BY:
        known = ", ".join(f"{name}://" for name in (*BROUGHT_BY, "file"))
        raise UsageError(
            f"{scheme}://: expected a path of this machine or one that starts with {known}"
        )
    if not bucket:
        raise UsageError(f"{path}: expected {scheme}://BUCKET/FOLDER")
    if is_archive(path):
        raise UsageError(
            f"{path}: expected a folder or an image, got an archive, which cannot be read from "
            "there; copy it to this machine, or unpack it there"
        )
    if scheme == S3:
        from cxr_edge.storage.s3 import S3Storage

        return S3Storage()

    from cxr_edge.storage.fsspec import FsspecStorage

    return FsspecStorage(scheme)
