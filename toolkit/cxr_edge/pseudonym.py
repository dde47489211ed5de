"""Names for files that tell nothing of whom they show: keyed digests, and what keeps them apart."""

import hashlib
import hmac
import os
import secrets
from collections import Counter
from pathlib import Path
from typing import Final

from cxr_edge.errors import UsageError

KEY_BYTES: Final = 32
"""Of a key that is made here."""

LEAST_KEY_BYTES: Final = 16
"""Of a key that is taken."""

DIGITS: Final = 32
"""Hexadecimal, of a name: 128 bits."""

_LONGEST: Final = 230
"""Bytes of a file name before its suffix; file systems end at 255."""


def read_or_make_key(path: Path) -> bytes:
    """Return the key in a file; where there is none, make one that only its owner may read.

    Raises
    ------
    UsageError
        It cannot be read or written, or is too short to be a secret.
    """
    try:
        if not path.exists():
            # Written beside and linked, so that no key is ever there in part, nor one overwritten.
            half = path.with_name(f"half-{path.name}")
            half.unlink(missing_ok=True)
            with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
                new.write(secrets.token_bytes(KEY_BYTES))
                new.flush()
                os.fsync(new.fileno())
            half.rename(path)
        key = path.read_bytes()
    except OSError as exc:
        raise UsageError(f"--key: {path} cannot be read or made: {exc.strerror}") from exc
    if len(key) < LEAST_KEY_BYTES:
        raise UsageError(
            f"--key: expected at least {LEAST_KEY_BYTES} secret bytes, {path} has {len(key)}; "
            "name a file that is not there, and one is made"
        )
    return key


def pseudonym(key: bytes, identity: str) -> str:
    """Return the HMAC-SHA-256 of ``identity`` under ``key``, its first hexadecimal digits."""
    return hmac.new(key, identity.encode("utf-8", "surrogateescape"), "sha256").hexdigest()[:DIGITS]


class TargetNames:
    """Gives each file a name of its own, the same ones in the same order."""

    def __init__(self, suffix: str) -> None:
        """Give names that end in ``.suffix``."""
        self._suffix = suffix
        self._taken: set[bytes] = set()
        self._copies: Counter[str] = Counter()  # of those that have any

    def claim(self, stem: str) -> str:
        """Return ``stem.suffix``, or ``stem-2.suffix``, ``stem-3.suffix`` ... where it is taken."""
        folder, slash, name = stem.rpartition("/")
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
        """Take a name that was given before; False where it is taken already."""
        # Eight bytes a name, and alike where a file system that ignores case would think so.
        digest = hashlib.blake2b(os.fsencode(target.casefold()), digest_size=8).digest()
        if digest in self._taken:
            return False
        self._taken.add(digest)
        return True
