"""Images that are there twice: the same bytes, or the same picture in other bytes."""

from collections.abc import Iterable, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_HASH_SIDE: Final = 32
"""Rows and columns of the picture that is hashed."""

_HASH_DISTANCE: Final = 10
"""Most differing bits, of 63, of two images that are looked at more closely."""

_CORRELATION: Final = 0.985
"""Least correlation of the thumbnails of near duplicates: recompressed, brightened or slightly
cropped copies lie above, images of different children below."""


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
    """Return the pairs of images that are one picture, by index, the smaller first.

    Parameters
    ----------
    gray
        Thumbnails, uint8 of shape (N, H, W).
    """
    hashes = np.array([perceptual_hash(image) for image in gray], np.uint64)
    flat = gray.reshape(len(gray), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    pairs = []
    for index in range(len(gray)):
        distance = np.bitwise_count(hashes[index] ^ hashes[index + 1 :])
        candidates = index + 1 + np.flatnonzero(distance <= _HASH_DISTANCE)
        alike = flat[candidates] @ flat[index] >= _CORRELATION
        pairs += [(index, int(other)) for other in candidates[alike]]
    return pairs


def groups(names: Sequence[str], linked: Iterable[tuple[int, int]]) -> list[str]:
    """Return for each index the name of its group: indices of one name or linked are together.

    A group is called by the smallest of its names.
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
