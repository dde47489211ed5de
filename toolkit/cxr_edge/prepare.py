"""One file to model input: read, hash, decode, preprocess; every failure becomes a value."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import DecoderCrash, ImageError, TooLarge, Unreadable
from cxr_edge.files import open_regular
from cxr_edge.formats import HEAD_BYTES, identify
from cxr_edge.images import MAX_BYTES, SourceFacts, decode
from cxr_edge.preprocess import preprocess
from cxr_edge.spec import InputSpec

T = TypeVar("T")


@dataclass(frozen=True)
class Pixels:
    """A film ready for the model."""

    pixels: NDArray[np.uint8]
    """Shape (H, W, C)."""
    source: SourceFacts
    """What it was decoded from."""


@dataclass(frozen=True)
class Attempt(Generic[T]):
    """What became of one file."""

    sha256: str
    """Digest of the file's bytes; empty where they could not be read."""
    content: T | ImageError
    """What was made of it, or why nothing was."""
    format: str = ""
    """Of the file, where its first bytes tell."""


Prepared = Attempt[Pixels]
"""A film, or why there is none."""


def prepare(path: Path, spec: InputSpec) -> Prepared:
    """Read one file and turn it into what ``spec`` asks for; never raises an ImageError."""
    return attempt(path, partial(to_pixels, spec=spec))


def to_pixels(data: bytes, spec: InputSpec) -> Pixels:
    """Turn a file's bytes into what ``spec`` asks for; raises an ImageError where it cannot."""
    image = decode(data, (spec.height, spec.width))
    return Pixels(preprocess(image, spec), image.source)


def attempt(path: Path, make: Callable[[bytes], T]) -> Attempt[T]:
    """Read one file and make something of its bytes; never raises an ImageError."""
    try:
        data = read_file(path)
    except ImageError as error:
        return Attempt("", error)
    sha256 = hashlib.sha256(data).hexdigest()
    kind = identify(data[:HEAD_BYTES]) or ""
    try:
        return Attempt(sha256, make(data), kind)
    except ImageError as error:
        return Attempt(sha256, error, kind)
    except MemoryError:
        return Attempt(sha256, TooLarge("expected an image that fits into memory"), kind)
    except Exception as exc:  # noqa: BLE001  (one file's unforeseen trouble is one failed row)
        crash = DecoderCrash(f"the decoder failed in an unforeseen way ({type(exc).__name__})")
        return Attempt(sha256, crash, kind)


def read_file(path: Path) -> bytes:
    """Return all bytes of a regular file.

    Raises
    ------
    TooLarge
        More than :data:`cxr_edge.images.MAX_BYTES`, nothing was read; or more than memory holds.
    Unreadable
        The operating system refuses, it is no regular file, or it changed meanwhile.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                raise TooLarge(f"expected at most {MAX_BYTES} bytes, came {size}")
            data = file.read(size + 1)
    except OSError as exc:
        raise Unreadable(f"the file cannot be read: {exc.strerror or exc}") from exc
    except MemoryError as exc:
        raise TooLarge("expected a file that fits into memory, came a larger one") from exc
    if len(data) != size:
        raise Unreadable(
            f"expected the {size} bytes that the file had when it was opened, it "
            f"{'shrank' if len(data) < size else 'grew'}; scan it when it is copied"
        )
    return data
