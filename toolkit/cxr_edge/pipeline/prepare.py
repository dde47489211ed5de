"""One file to model input: read, hash, decode, preprocess; every failure becomes a value."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import DecoderCrash, ImageError
from cxr_edge.imaging.decode import decode
from cxr_edge.imaging.fit import fit
from cxr_edge.imaging.image import GrayImage, SourceFacts, larger_than_memory
from cxr_edge.imaging.preprocess import preprocess
from cxr_edge.imaging.sniff import HEAD_BYTES, identify
from cxr_edge.pipeline.discover import ImageItem
from cxr_edge.pipeline.outcome import Failure
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.storage.base import Storage
from cxr_edge.storage.local import LOCAL
from cxr_edge.storage.read_file import read_file
from cxr_edge.storage.retry import refuse_shortage

T = TypeVar("T")


@dataclass(frozen=True)
class Pixels:
    """An image ready for the model."""

    pixels: NDArray[np.uint8]
    """Input of the model, shape (H, W, C)."""
    source: SourceFacts
    """Facts about the file that it was decoded from."""
    shown: NDArray[np.uint8] | None = None
    """The image in its own proportions, for a heat map to be drawn over; None where none is."""


@dataclass(frozen=True)
class Attempt(Generic[T]):
    """The result for one file: what was made of it, or why nothing was."""

    sha256: str
    """SHA-256 of the file's bytes; empty where they could not be read."""
    content: T | ImageError
    """Result, or the error in its place."""
    format: str = ""
    """Format of the file by its first bytes; empty where they are no image's."""


Prepared = Attempt[Pixels]
"""An image ready for the model, or why there is none."""

Prepare: TypeAlias = Callable[[str, InputSpec, Storage], Prepared]
"""A function from a file in a storage to pixels: :func:`prepare`, or one that is more careful."""


def prepare(path: str | Path, spec: InputSpec, storage: Storage = LOCAL) -> Prepared:
    """Read one file and turn it into the input that ``spec`` describes; raises no ImageError."""
    return attempt(path, partial(to_pixels, spec=spec), storage)


def prepare_bytes(data: bytes, spec: InputSpec) -> Prepared:
    """Turn the bytes of a file into the input that ``spec`` describes; raises no ImageError."""
    return _attempt_bytes(data, partial(to_pixels, spec=spec))


def prepare_array(pixels: NDArray[np.uint8], spec: InputSpec) -> Prepared:
    """Turn decoded pixels into the input that ``spec`` describes; raises no ImageError.

    Raises
    ------
    UsageError
        As :func:`cxr_edge.imaging.array.check_array`.
    """
    from cxr_edge.imaging.array import ARRAY, check_array, gray_image

    check_array(pixels)
    content = _caught(lambda: _to_input(gray_image(pixels, spec), spec))
    return Attempt("", content, ARRAY)


def to_pixels(data: bytes, spec: InputSpec, *, shown: bool = False) -> Pixels:
    """Turn a file's bytes into the input that ``spec`` describes.

    Parameters
    ----------
    data
        All bytes of the file.
    spec
        Input of the model.
    shown
        Whether a heat map is to be drawn over the image.

    Raises
    ------
    ImageError
        As :func:`cxr_edge.imaging.decode.decode`.
    """
    return _to_input(decode(data, spec), spec, shown=shown)


def _to_input(image: GrayImage, spec: InputSpec, *, shown: bool = False) -> Pixels:
    source = image.source
    picture = fit(image.pixels, source.width, source.height) if shown else None
    return Pixels(preprocess(image, spec), source, picture)


def attempt(path: str | Path, make: Callable[[bytes], T], storage: Storage = LOCAL) -> Attempt[T]:
    """Read one file and make something of its bytes; raises no ImageError."""
    try:
        data = read_file(path, storage)
    except ImageError as error:
        return Attempt("", error)
    return _attempt_bytes(data, make)


def facts(data: bytes) -> tuple[str, str]:
    """Return the SHA-256 of a file's bytes, and its format; empty where that is unknown."""
    return hashlib.sha256(data).hexdigest(), identify(data[:HEAD_BYTES]) or ""


def failure(item: ImageItem, attempt: Attempt[T], error: ImageError) -> Failure:
    """Return the outcome of a file that failed."""
    return Failure(
        item.path,
        attempt.sha256,
        error.reason,
        str(error),
        attempt.format,
        item.where,
        item.storage,
    )


def _attempt_bytes(data: bytes, make: Callable[[bytes], T]) -> Attempt[T]:
    sha256, kind = facts(data)
    return Attempt(sha256, _caught(partial(make, data)), kind)


def _caught(make: Callable[[], T]) -> T | ImageError:
    """Return a result, or the ImageError in its place; raises MachineError."""
    try:
        return make()
    except ImageError as error:
        return error
    except OSError as exc:
        refuse_shortage(exc)
        return _unforeseen()
    except MemoryError:
        return larger_than_memory()
    except Exception:  # noqa: BLE001  (one file's unforeseen trouble is one failed row)
        return _unforeseen()


def _unforeseen() -> DecoderCrash:
    return DecoderCrash("the decoder failed in an unforeseen way; convert the image to PNG")
