"""Arrays of numbers as text in JSON: little-endian float32 in base64."""

import base64
import binascii
import math
import struct
from collections.abc import Iterable

from cxr_edge.errors import SpecInvalid

_BYTES = 4
"""Bytes of a number."""


def pack(values: Iterable[float]) -> str:
    """Return numbers as text; :func:`unpack` is its inverse."""
    numbers = [float(value) for value in values]
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode("ascii")


def unpack(text: object, count: int, where: str) -> tuple[float, ...]:
    """Return the numbers of :func:`pack`.

    Raises
    ------
    SpecInvalid
        The text does not hold so many finite numbers; the message starts with ``where``.
    """
    wanted = f"{where}: expected {count} numbers, as float32 in base64"
    if not isinstance(text, str):
        raise SpecInvalid(f"{wanted}, got {type(text).__name__}")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise SpecInvalid(f"{wanted}, got other text") from exc
    if len(data) != _BYTES * count:
        raise SpecInvalid(f"{wanted}, got {len(data) / _BYTES:g}")
    numbers = struct.unpack(f"<{count}f", data)
    if not all(map(math.isfinite, numbers)):
        raise SpecInvalid(f"{wanted}, got some that are not finite")
    return numbers
