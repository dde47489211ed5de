"""UIDs that follow from what an object is made of, so that the same one is made again alike."""

import uuid
from typing import Final

_NAMESPACE: Final = uuid.UUID("6e1f2f5e-6d2c-5a0e-9d59-3f5a1f0c7b41")
"""Namespace of the UUIDs; never to be changed."""

_ROOT: Final = "2.25"
"""Root of the UIDs that are UUIDs, PS3.5 B.2."""


def derived_uid(kind: str, *parts: str) -> str:
    """Return the UID of an object of a kind that is made of these parts."""
    return f"{_ROOT}.{uuid.uuid5(_NAMESPACE, '|'.join((kind, *parts))).int}"
