"""Damage of the kinds that files suffer, and that attackers make: from a seed, always the same."""

import random
from collections.abc import Callable, Sequence
from typing import Final

_HEAD: Final = 1024
"""Half of all damage falls into so many first bytes, where the headers are."""

_NUMBERS: Final = (
    0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
)  # fmt: skip
"""Lengths and sizes at the edges of what fits."""


def mutate(data: bytes, others: Sequence[bytes], seed: str) -> bytes:
    """Return a damaged copy: one kind of damage, or up to four, as the seed says.

    Parameters
    ----------
    data
        A whole file.
    others
        Files that pieces are taken from.
    seed
        The same seed gives the same copy.
    """
    rng = random.Random(seed)  # noqa: S311  (nothing is secret)
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if changed:
            rng.choice(_DAMAGES)(changed, others, rng)
    return bytes(changed)


def _place(data: bytearray, rng: random.Random) -> int:
    return rng.randrange(min(len(data), rng.choice((_HEAD, len(data)))))


def _span(data: bytearray, rng: random.Random) -> slice:
    begin = _place(data, rng)
    return slice(begin, begin + rng.choice((1, 4, 16, 64, 256, 4096)))


def _flip(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    for _turn in range(rng.choice((1, 2, 8, 64))):
        data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _number(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    """Write a 16- or 32-bit number, in either order, where a length may be."""
    size = rng.choice((2, 4))
    value = rng.choice((*_NUMBERS, len(data))) & (1 << 8 * size) - 1
    begin = _place(data, rng)
    data[begin : begin + size] = value.to_bytes(size, rng.choice(("little", "big")))


def _truncate(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    del data[_place(data, rng) :]


def _zero(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    span = _span(data, rng)
    data[span] = bytes(len(data[span]))


def _cut_out(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    del data[_span(data, rng)]


def _repeat(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    span = _span(data, rng)
    data[span] = data[span][:4096] * rng.choice((2, 3))


def _splice(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    """Put a piece of another file in, in place of as much or in between."""
    other = bytearray(rng.choice(others))
    if other:
        piece = other[_span(other, rng)]
        begin = _place(data, rng)
        data[begin : begin + rng.choice((0, len(piece)))] = piece


def _noise(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    span = _span(data, rng)
    data[span] = rng.randbytes(len(data[span]))


_DAMAGES: Final[Sequence[Callable[[bytearray, Sequence[bytes], random.Random], None]]] = (
    _flip, _flip, _flip, _number, _number, _number, _zero, _zero, _noise, _noise, _splice, _splice,
    _truncate, _cut_out, _repeat,
)  # fmt: skip
