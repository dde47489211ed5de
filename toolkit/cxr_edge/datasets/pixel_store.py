"""Arrays of pixels: in memory, or in a temporary file where they are large."""

import math
import os
import tempfile
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import DataError

IN_MEMORY: Final = 1 << 30
"""Bytes of pixels that are kept in memory; more are in a file, which the system pages in."""


def empty_pixels(count: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return an array for the pixels of N images, uint8 of shape (N, H, W, C).

    Parameters
    ----------
    count
        N.
    shape
        (H, W, C).

    Raises
    ------
    DataError
        There is no room for the temporary file.
    """
    size = count * math.prod(shape)
    if size <= IN_MEMORY:
        return np.empty((count, *shape), np.uint8)
    try:
        with tempfile.TemporaryFile(prefix="cxr-edge-") as file:  # it lives as long as the array
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):  # else a full disk is met when pixels are written
                os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, np.uint8, "r+", shape=(count, *shape))
    except OSError as exc:
        raise DataError(
            f"{tempfile.gettempdir()}: expected room for {size / 1e9:.1f} GB of pixels "
            f"({exc.strerror}); set TMPDIR to a folder on a larger disk"
        ) from exc


def take_pixels(pixels: NDArray[np.uint8], indices: Sequence[int]) -> NDArray[np.uint8]:
    """Return a copy of the images at ``indices``, uint8 of shape (len(indices), H, W, C)."""
    _, rows, columns, channels = pixels.shape
    taken = empty_pixels(len(indices), (rows, columns, channels))
    for place, index in enumerate(indices):
        taken[place] = pixels[index]
    return taken
