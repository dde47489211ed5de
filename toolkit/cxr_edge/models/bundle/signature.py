"""Ed25519 keys, and the signature of a bundle's checksum list."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from cxr_edge.errors import BundleError, UsageError
from cxr_edge.models.bundle.layout import SIGNATURE, SUMS

_MADE_BY: Final = "as 'cxr bundle keygen' makes it"


def new_keys() -> tuple[bytes, bytes]:
    """Return a new private key and its public key, both in PEM."""
    private = Ed25519PrivateKey.generate()
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret, _pem(private.public_key())


def fingerprint(public_key: bytes) -> str:
    """Return the first 16 digits of a public key's SHA-256, to be compared by telephone.

    Raises
    ------
    UsageError
        The key is no public Ed25519 key in PEM.
    """
    der = _public(public_key).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:16]


@dataclass(frozen=True)
class Signer:
    """A private key that signs checksum lists."""

    key: Ed25519PrivateKey
    """The key."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a key from a file.

        Raises
        ------
        UsageError
            It cannot be read, is encrypted, or is no private Ed25519 key in PEM.
        """
        try:
            private = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as exc:
            raise UsageError(f"--sign: {path} cannot be read: {exc.strerror}") from exc
        except TypeError as exc:
            raise UsageError(
                f"--sign: expected a private key that is not encrypted, got {path}, which is"
            ) from exc
        except (ValueError, UnsupportedAlgorithm):
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise UsageError(
                f"--sign: expected a private Ed25519 key in PEM, {_MADE_BY}, got {path}"
            )
        return cls(private)

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the public key."""
        return fingerprint(_pem(self.key.public_key()))

    def sign(self, sums: bytes) -> bytes:
        """Return the signature of a checksum list, 64 bytes."""
        return self.key.sign(sums)


def require_signature(sums: bytes, signature: bytes, public_key: bytes) -> str:
    """Check the signature of a checksum list.

    Parameters
    ----------
    sums, signature
        The list, and 64 bytes.
    public_key
        Public key in PEM.

    Returns
    -------
    str
        Fingerprint of the key.

    Raises
    ------
    BundleError
        It is no signature of this list by this key.
    UsageError
        The key is no public Ed25519 key in PEM.
    """
    try:
        _public(public_key).verify(signature, sums)
    except InvalidSignature as exc:
        raise BundleError(
            f"{SIGNATURE}: expected a signature of {SUMS} by this key, got another one: the bundle "
            "was signed by another key or changed; do not use it, and ask who made it"
        ) from exc
    return fingerprint(public_key)


def _pem(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _public(key: bytes) -> Ed25519PublicKey:
    try:
        public = load_pem_public_key(key)
    except (ValueError, UnsupportedAlgorithm):
        public = None
    if not isinstance(public, Ed25519PublicKey):
        raise UsageError(
            f"--key: expected a public Ed25519 key in PEM, {_MADE_BY} (NAME.pub, beside the "
            "private one), got something else"
        )
    return public
