"""Near duplicates: nearly the same image in other bytes, found by perceptual hash."""

from collections.abc import Iterable, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_HASH_SIDE: Final = 32
"""Rows and columns of the thumbnail that is hashed."""

_HASH_DISTANCE: Final = 10
"""Differing bits, of 63, up to which two images are compared by correlation."""

_CORRELATION: Final = 0.985
"""Least correlation of the thumbnails of near duplicates: recompressed, brightened or slightly
cropped copies have more, images of different children have less."""


def perceptual_hash(gray: NDArray[np.uint8]) -> int:
    """Return 63 bits that hardly change when an image is resized, recompressed or brightened.

    The lowest 8 x 8 frequencies of a 32 x 32 thumbnail, each above or below their median; the
    constant is left out (C. Zauner: Implementation and benchmarking of perceptual image hash
    functions, 2010).

    Parameters
    ----------
    gray
        uint8 of shape (H, W).
    """
    side = (_HASH_SIDE, _HASH_SIDE)
    small = cv2.resize(gray, side, interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()[1:]
    return int.from_bytes(np.packbits(np.append(False, low > np.median(low))).tobytes())


def near_duplicates(gray: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Return the pairs of near duplicates, by index, the smaller first.

    Parameters
    ----------
    gray
        Thumbnails, uint8 of shape (N, H, W).
    """
    hashes = np.array([perceptual_hash(image) for image in gray], np.uint64)
    pairs = []
    for index in range(len(gray)):
        distance = np.bitwise_count(hashes[index] ^ hashes[index + 1 :])
        candidates = index + 1 + np.flatnonzero(distance <= _HASH_DISTANCE)
        alike = _normalized(gray[candidates]) @ _normalized(gray[[index]])[0] >= _CORRELATION
        pairs += [(index, int(other)) for other in candidates[alike]]
    return pairs


def _normalized(gray: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images as vectors of mean 0 and length 1, shape (N, H * W)."""
    count, rows, columns = gray.shape
    flat = gray.reshape(count, rows * columns).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return flat


def groups(names: Sequence[str], linked: Iterable[tuple[int, int]]) -> list[str]:
    """Return the name of the group of each index: equal names and linked indices share a group.

    The name of a group is the smallest of its names.
    """
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    for one, other in linked:
        first, second = sorted((root(names[one]), root(names[other])))
        parent[second] = first
    return [root(name) for name in names]
