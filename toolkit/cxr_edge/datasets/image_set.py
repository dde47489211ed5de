"""Decoded images for training, evaluation and export: as in a scan, no file twice."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.classes import Classes
from cxr_edge.datasets.labelled_image import UNKNOWN, VALIDATION, LabelledImage
from cxr_edge.datasets.pixel_store import empty_pixels, take_pixels
from cxr_edge.errors import DataError, ImageError
from cxr_edge.pipeline.prepare import Prepared, prepare
from cxr_edge.pipeline.thread_engine import ThreadEngine
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.system.printable import first_names
from cxr_edge.system.progress import track

AHEAD: Final = 64
"""Images at most that are decoded before they are taken."""


@dataclass(frozen=True)
class ImageSet:
    """Images ready for a network."""

    classes: Classes
    """Class names: negative, positive."""
    images: tuple[LabelledImage, ...]
    """N images, in the order they were listed."""
    pixels: NDArray[np.uint8]
    """Pixels, shape (N, H, W, C); large sets are in a temporary file."""
    sha256: tuple[str, ...]
    """Digest of each file's bytes."""
    unreadable: tuple[str, ...] = ()
    """Path and reason of each file that was left out."""
    duplicates: int = 0
    """Files left out because another has the same bytes."""

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.pixels) == len(self.sha256):
            raise ValueError(
                f"ImageSet: expected as many pixels and digests as images, got {len(self.images)}, "
                f"{len(self.pixels)} and {len(self.sha256)}"
            )

    @property
    def labels(self) -> NDArray[np.int64]:
        """Labels, shape (N,): 1 for the positive class, 0 for the negative, -1 for unknown."""
        return np.array([image.label for image in self.images], dtype=np.int64)

    @property
    def patients(self) -> tuple[str, ...]:
        """Patient of each of N images."""
        return tuple(image.patient for image in self.images)

    @property
    def patient_count(self) -> int:
        """Count of different patients."""
        return len(set(self.patients))

    @property
    def says_split(self) -> bool:
        """Whether some images are marked for validation."""
        return any(image.split == VALIDATION for image in self.images)

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted digests of the files."""
        return hashlib.sha256("".join(sorted(self.sha256)).encode()).hexdigest()

    def take(self, indices: Sequence[int]) -> "ImageSet":
        """Return the images at ``indices``, in that order."""
        return ImageSet(
            self.classes,
            tuple(self.images[index] for index in indices),
            take_pixels(self.pixels, indices),
            tuple(self.sha256[index] for index in indices),
        )

    def where(self, wanted: Sequence[bool]) -> "ImageSet":
        """Return the images at which ``wanted``, of length N, is true."""
        return self.take([index for index, want in enumerate(wanted) if want])


def read_images(
    images: Iterable[LabelledImage], spec: InputSpec
) -> Iterator[tuple[LabelledImage, Prepared]]:
    """Decode and preprocess images as a scan does, in threads, :data:`AHEAD` of what is taken.

    Yields
    ------
    tuple
        Each image with what was made of its file, in order.
    """
    return ThreadEngine(ahead=AHEAD).map_ordered(lambda image: prepare(image.path, spec), images)


def load_images(
    images: Sequence[LabelledImage],
    classes: Classes,
    spec: InputSpec,
    *,
    skip_unreadable: bool = False,
) -> ImageSet:
    """Decode and preprocess images as a scan does, and leave exact duplicates out.

    The first of several files with the same bytes is kept, so that no image is on both sides of a
    split under two names. Files with the same bytes and different labels are an error.

    Parameters
    ----------
    images
        Listed images; their labels may be unknown.
    classes
        Class names: negative, positive.
    spec
        Pixels that the network takes.
    skip_unreadable
        Leave unreadable files out instead of raising; the result lists them.

    Raises
    ------
    DataError
        Some files cannot be read, or none can; some are not the files that the manifest means; or
        the same image has both labels. The message lists them.
    """
    pixels = empty_pixels(len(images), spec.shape)
    kept: list[LabelledImage] = []
    failures: list[str] = []
    first: dict[str, LabelledImage] = {}
    conflicts: list[str] = []
    changed: list[str] = []
    for image, prepared in track(read_images(images, spec), "reading images", len(images)):
        if isinstance(prepared.content, ImageError):
            failures.append(f"{image.path} ({prepared.content.reason})")
        elif image.sha256 not in ("", prepared.sha256):
            changed.append(str(image.path))
        elif (copy := first.setdefault(prepared.sha256, image)) is not image:
            if UNKNOWN not in (copy.label, image.label) and copy.label != image.label:
                conflicts.append(f"{copy.path} and {image.path}")
        else:
            pixels[len(kept)] = prepared.content.pixels
            kept.append(image)
    if failures and not skip_unreadable:
        raise DataError(
            f"expected readable images, {len(failures)} of {len(images)} are not: "
            f"{first_names(failures)}; repair or remove them, or leave them out with "
            "--skip-unreadable"
        )
    if changed:
        raise DataError(
            f"expected the files whose sha256 the manifest has, {len(changed)} of {len(images)} "
            f"have other bytes: {first_names(changed)}; bring the files back, or empty their sha256"
        )
    if conflicts:
        raise DataError(
            f"expected one label per image, these have the same bytes and both labels: "
            f"{first_names(conflicts)}; remove them, or 'cxr audit DATA --fix manifest.csv'"
        )
    if not kept:
        raise DataError(f"expected readable images, none of {len(images)} is")
    return ImageSet(
        classes,
        tuple(kept),
        pixels[: len(kept)],
        tuple(first),
        tuple(failures),
        len(images) - len(failures) - len(kept),
    )
