"""Arrays of pixels: in memory, or in a temporary file where they are large or shared."""

import math
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.reduction import DupFd
from typing import IO, Any, Final, Self

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
    with _temporary_file(size) as file:  # it lives as long as the array
        return np.memmap(file, np.uint8, "r+", shape=(count, *shape))


@dataclass(frozen=True)
class SharedPixels:
    """Pixels in a temporary file, which processes that are started with them map."""

    pixels: NDArray[np.uint8]
    """The pixels, shape (N, H, W, C); to be read only."""
    _file: IO[bytes]

    @classmethod
    def of(cls, pixels: NDArray[np.uint8]) -> Self:
        """Return a copy that can be shared.

        Raises
        ------
        DataError
            There is no room for the temporary file.
        """
        file = _temporary_file(pixels.nbytes)
        shared = np.memmap(file, np.uint8, "r+", shape=pixels.shape)
        shared[:] = pixels
        return cls(shared, file)

    def close(self) -> None:
        """Share them with no more processes."""
        self._file.close()

    def __reduce__(self) -> tuple[Callable[..., "SharedPixels"], tuple[Any, ...]]:
        """Give the file itself to the process that is being started."""
        return _attach, (DupFd(self._file.fileno()), self.pixels.shape)


def _attach(descriptor: Any, shape: tuple[int, ...]) -> SharedPixels:  # Any: it has no public type
    with os.fdopen(descriptor.detach(), "rb") as file:  # it lives as long as the array
        return SharedPixels(np.memmap(file, np.uint8, "r", shape=shape), file)


def _temporary_file(size: int) -> IO[bytes]:
    """Return a file of so many bytes, which has no name and ends when nothing uses it.

    Raises
    ------
    DataError
        There is no room for it.
    """
    try:
        file = tempfile.TemporaryFile(prefix="cxr-edge-")  # noqa: SIM115  (the caller closes it)
        file.truncate(size)
        if hasattr(os, "posix_fallocate"):  # else a full disk is met when pixels are written
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as exc:
        raise DataError(
            f"{tempfile.gettempdir()}: expected room for {size / 1e9:.1f} GB of pixels "
            f"({exc.strerror}); set TMPDIR to a folder on a larger disk"
        ) from exc
    return file


def take_pixels(pixels: NDArray[np.uint8], indices: Sequence[int]) -> NDArray[np.uint8]:
    """Return a copy of the images at ``indices``, uint8 of shape (len(indices), H, W, C)."""
    _, rows, columns, channels = pixels.shape
    taken = empty_pixels(len(indices), (rows, columns, channels))
    for place, index in enumerate(indices):
        taken[place] = pixels[index]
    return taken
