"""Labelled images in memory: decoded as a scan does it, without duplicates, split by patient."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.labelled_image import VALIDATION, LabelledImage
from cxr_edge.errors import DataError, ImageError
from cxr_edge.pipeline.prepare import prepare
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.system.cpu import usable_cpus
from cxr_edge.system.printable import first_names


@dataclass(frozen=True)
class ImageSet:
    """Images in memory, ready for a network."""

    images: tuple[LabelledImage, ...]
    """N images, in the order they were listed."""
    pixels: NDArray[np.uint8]
    """Shape (N, H, W, C)."""
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
        """Shape (N,), 1 for the positive class."""
        return np.array([image.label for image in self.images], dtype=np.int64)

    @property
    def patients(self) -> int:
        """Count of different patients."""
        return len({image.patient for image in self.images})

    @property
    def says_split(self) -> bool:
        """Whether the images say themselves which of them are to validate on."""
        return any(image.split == VALIDATION for image in self.images)

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted digests of the files."""
        return hashlib.sha256("".join(sorted(self.sha256)).encode()).hexdigest()

    def take(self, indices: Sequence[int]) -> "ImageSet":
        """Return the images at ``indices``, in that order."""
        return ImageSet(
            tuple(self.images[index] for index in indices),
            self.pixels[np.asarray(indices, dtype=np.intp)],
            tuple(self.sha256[index] for index in indices),
        )

    def where(self, wanted: Sequence[bool]) -> "ImageSet":
        """Return the images at which ``wanted``, of length N, is true."""
        return self.take([index for index, want in enumerate(wanted) if want])


def load_images(
    images: Sequence[LabelledImage], spec: InputSpec, *, skip_unreadable: bool = False
) -> ImageSet:
    """Decode and preprocess images exactly as a scan does, dropping exact duplicates.

    Of files with the same bytes the first is kept, so that no image stands on both sides of a
    split under two names. With both labels they say nothing, and are refused.

    Parameters
    ----------
    images
        What :func:`cxr_edge.datasets.listing.list_images` listed.
    spec
        Pixels that the network takes.
    skip_unreadable
        Leave unreadable files out instead of raising; they are listed in the result.

    Raises
    ------
    DataError
        Some files cannot be read, or none can; some are not the files that the manifest means; or
        the same image stands under both labels. The message lists them.
    """
    pixels = np.empty((len(images), *spec.shape), np.uint8)
    digests: list[str] = []
    kept: list[LabelledImage] = []
    failures: list[str] = []
    first: dict[str, LabelledImage] = {}
    conflicts: list[str] = []
    changed: list[str] = []
    with ThreadPoolExecutor(usable_cpus()) as pool:
        prepared = pool.map(lambda image: prepare(image.path, spec), images)
        for image, result in zip(images, prepared, strict=True):
            if isinstance(result.content, ImageError):
                failures.append(f"{image.path} ({result.content.reason})")
            elif image.sha256 not in ("", result.sha256):
                changed.append(str(image.path))
            elif (twin := first.setdefault(result.sha256, image)) is not image:
                if twin.label != image.label:
                    conflicts.append(f"{twin.path} and {image.path}")
            else:
                pixels[len(kept)] = result.content.pixels
                kept.append(image)
                digests.append(result.sha256)
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
            f"expected one label an image, these have the same bytes and both labels: "
            f"{first_names(conflicts)}; remove them, or 'cxr audit DATA --fix manifest.csv'"
        )
    if not kept:
        raise DataError(f"expected readable images, none of {len(images)} is")
    left_out = len(images) - len(failures) - len(kept)
    count = len(kept)
    return ImageSet(tuple(kept), pixels[:count], tuple(digests), tuple(failures), left_out)
