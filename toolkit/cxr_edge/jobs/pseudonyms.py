"""Pseudonyms for file names: keyed digests, made unique."""

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from collections import Counter
from pathlib import Path
from typing import IO, Final

from cxr_edge.errors import UsageError
from cxr_edge.storage.atomic import TEMP_PREFIX, sync_folder

KEY_BYTES: Final = 32
"""Length of a key that is created."""

LEAST_KEY_BYTES: Final = 16
"""Least length of a key that is accepted."""

MOST_KEY_BYTES: Final = 1 << 20
"""Greatest length of a key that is accepted: what is longer is another file, or a device."""

DIGITS: Final = 32
"""Hexadecimal digits of a pseudonym: 128 bits."""

_LONGEST: Final = 230
"""Greatest length of a file name before its suffix, in bytes; file systems allow 255 in all."""


def read_or_make_key(path: Path) -> bytes:
    """Return the key in a file; a missing one is created, readable by its owner alone.

    Raises
    ------
    UsageError
        It cannot be read or written, or has too few or too many bytes for a key.
    """
    try:
        if not path.exists():
            _make_key(path)
        with path.open("rb") as file:
            key = file.read(MOST_KEY_BYTES + 1)
    except OSError as exc:
        raise UsageError(f"--key: {path} cannot be read or created: {exc.strerror}") from exc
    if len(key) < LEAST_KEY_BYTES:
        raise UsageError(
            f"--key: expected at least {LEAST_KEY_BYTES} secret bytes, {path} has {len(key)}; "
            "give the path of a new file, and a key is created in it"
        )
    if len(key) > MOST_KEY_BYTES:
        raise UsageError(
            f"--key: expected at most {MOST_KEY_BYTES} bytes, {path} has more; give a key file"
        )
    return key


def _make_key(path: Path) -> None:
    """Create a key, unless another process has created it meanwhile."""
    # Written beside it and linked: no key is ever there in part, and none is overwritten.
    with (
        contextlib.suppress(FileExistsError),
        # Its owner's alone.
        tempfile.NamedTemporaryFile(dir=path.parent, prefix=TEMP_PREFIX) as new,
    ):
        key = secrets.token_bytes(KEY_BYTES)
        _put(new, key)
        try:
            os.link(new.name, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(path, how, 0o600), "wb") as file:
                _put(file, key)
    sync_folder(path.parent)


def _put(file: IO[bytes], key: bytes) -> None:
    file.write(key)
    file.flush()
    os.fsync(file.fileno())


def pseudonym(key: bytes, identity: str) -> str:
    """Return the HMAC-SHA-256 of ``identity`` under ``key``, its first hexadecimal digits."""
    return hmac.new(key, identity.encode("utf-8", "surrogateescape"), "sha256").hexdigest()[:DIGITS]


class TargetNames:
    """Unique names of files; the same files in the same order get the same names."""

    def __init__(self, suffix: str) -> None:
        """Start with no names; all will end in ``.suffix``."""
        self._suffix = suffix
        self._taken: set[bytes] = set()
        self._given_folders: set[bytes] = set()
        self._folders = {"": ""}  # as they are called in stems, and as they are given
        self._copies: Counter[str] = Counter()  # of those that have any

    def claim(self, stem: str) -> str:
        """Return ``stem.suffix``, or ``stem-2.suffix``, ``stem-3.suffix`` ... if that is taken.

        Folders in the stem are numbered likewise, since a file may have the name of one.
        """
        folder, slash, name = stem.rpartition("/")
        folder = self._claim_folder(folder)
        while len(os.fsencode(name)) > _LONGEST:
            name = name[:-1]
        target = f"{folder}{slash}{name}.{self._suffix}"
        if self.note(target):
            return target
        first = target
        while True:
            self._copies[first] += 1
            target = f"{folder}{slash}{name}-{self._copies[first] + 1}.{self._suffix}"
            if self.note(target):
                return target

    def note(self, target: str) -> bool:
        """Take a name that an earlier run gave; return False if it is taken already."""
        digest = _digest(target)
        if digest in self._taken or digest in self._given_folders:
            return False
        self._taken.add(digest)
        return True

    def _claim_folder(self, folder: str) -> str:
        if folder not in self._folders:
            above, slash, name = folder.rpartition("/")
            first = given = f"{self._claim_folder(above)}{slash}{name}"
            number = 1
            while _digest(given) in self._taken:
                number += 1
                given = f"{first}-{number}"
            self._given_folders.add(_digest(given))
            self._folders[folder] = given
        return self._folders[folder]


def _digest(name: str) -> bytes:
    """Return eight bytes, the same for names that a file system without case confuses."""
    return hashlib.blake2b(os.fsencode(name.casefold()), digest_size=8).digest()
