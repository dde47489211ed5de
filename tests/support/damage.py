"""Bits that flip in the pixels of a file, from a seed: always the same."""

import random
from collections.abc import Iterator


def flips(data: bytes, pixels: slice, count: int, seed: int = 0) -> Iterator[bytes]:
    """Yield copies of a file with one bit flipped within its pixels."""
    rng = random.Random(seed)  # noqa: S311  (nothing is secret)
    places = range(*pixels.indices(len(data)))
    for _ in range(count):
        copy = bytearray(data)
        copy[rng.choice(places)] ^= 1 << rng.randrange(8)
        yield bytes(copy)


def scan_of(jpeg: bytes) -> slice:
    """Return where the codes of a JPEG's first scan begin and its last one ends."""
    start = jpeg.index(b"\xff\xda")
    return slice(start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big"), -2)
