"""One file to model input: read, hash, decode, preprocess; every failure becomes a value."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import DecoderCrash, ImageError, TooLarge
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.imaging.preprocess import preprocess
from cxr_edge.imaging.sniff import HEAD_BYTES, identify
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.storage.read_file import read_file

T = TypeVar("T")


@dataclass(frozen=True)
class Pixels:
    """An image ready for the model."""

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
"""An image, or why there is none."""

Prepare: TypeAlias = Callable[[Path, InputSpec], Prepared]
"""Takes a file to pixels: :func:`prepare`, or one that is more careful."""


def prepare(path: Path, spec: InputSpec) -> Prepared:
    """Read one file and turn it into what ``spec`` asks for; never raises an ImageError."""
    return attempt(path, partial(to_pixels, spec=spec))


def to_pixels(data: bytes, spec: InputSpec) -> Pixels:
    """Turn a file's bytes into what ``spec`` asks for; raises an ImageError where it cannot."""
    image = decode(data, spec)
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
