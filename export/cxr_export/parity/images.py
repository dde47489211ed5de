"""Images to calibrate and compare on: found, chosen by class and patient, decoded as in a scan."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.labelled_image import VALIDATION, patient_of
from cxr_edge.datasets.listing import list_images
from cxr_edge.datasets.patient_split import in_validation, rank
from cxr_edge.errors import DataError, UsageError
from cxr_edge.pipeline.discover import ImageItem, discover
from cxr_edge.pipeline.prepare import Pixels
from cxr_edge.pipeline.scan import prepare_all
from cxr_edge.pipeline.thread_engine import ThreadEngine
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec

SEED: Final = 2021
"""Of every choice among images."""

UNKNOWN: Final = -1
"""In place of a label."""

_JUDGED_SHARE: Final = 0.3


@dataclass(frozen=True)
class Image:
    """One file that may be compared on."""

    item: ImageItem
    """The file."""
    label: int
    """1 for the positive class, 0 for the negative, :data:`UNKNOWN` where nothing says."""
    patient: str
    """See :func:`cxr_edge.datasets.labelled_image.patient_of`."""
    split: str = ""
    """As a manifest says."""


@dataclass(frozen=True)
class Images:
    """N decoded images."""

    images: tuple[Image, ...]
    """N."""
    pixels: NDArray[np.uint8]
    """Shape (N, H, W, C)."""
    sha256: tuple[str, ...]
    """Of each file's bytes."""
    unreadable: int = 0
    """Files left out because no runtime would get pixels from them."""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Shape (N,)."""
        return np.array([image.label for image in self.images], np.int64)

    @property
    def patients(self) -> tuple[str, ...]:
        """N names."""
        return tuple(image.patient for image in self.images)


def list_parity_images(data: Sequence[Path], labels: tuple[str, str]) -> list[Image]:
    """List images with what is known of them.

    Parameters
    ----------
    data
        Files, folders and manifests (``.csv``). An image is labelled by the nearest folder above
        it that has a class's name.
    labels
        Class names: negative, positive.

    Raises
    ------
    UsageError
        A path does not exist.
    DataError
        A manifest cannot be read, or there is no image.
    """
    manifests = [path for path in data if path.suffix.lower() == ".csv" and path.is_file()]
    others = [path for path in data if path not in manifests]
    listed = [
        Image(ImageItem(str(image.path), str(image.path)), image.label, image.patient, image.split)
        for path in manifests
        for image in list_images(path, labels)
    ]
    for item in discover(others) if others else ():
        named = [part for part in item.file.absolute().parent.parts if part in labels]
        label = labels.index(named[-1]) if named else UNKNOWN
        listed.append(Image(item, label, patient_of(item.file.name)))
    if not listed:
        raise DataError("expected images to compare on, the folder has none")
    return list({image.item.file.resolve(): image for image in reversed(listed)}.values())[::-1]


def held_out(images: Iterable[Image], spec: ModelSpec) -> list[Image]:
    """Return the images of patients that the model was validated on.

    Raises
    ------
    UsageError
        Neither the model nor a manifest says who they are.
    DataError
        No image is of one of them.
    """
    images, facts = list(images), spec.provenance
    if any(image.split for image in images):
        kept = [image for image in images if image.split == VALIDATION]
    elif facts and facts.split_seed is not None:
        seed, fraction = facts.split_seed, facts.validation_fraction
        kept = [image for image in images if in_validation(image.patient, seed, fraction)]
    else:
        raise UsageError(
            f"--held-out: expected a model that says how its patients were split, {spec.name} does "
            "not; give a manifest with a split, or leave it out"
        )
    if not kept:
        raise DataError("--held-out: no image is of a patient that the model was validated on")
    return kept


def divide(images: Sequence[Image], spec: ModelSpec) -> tuple[list[Image], list[Image]]:
    """Part images by patient into those to calibrate with and those to judge on.

    Where the model says whom it was validated on, these are judged on; else three patients in
    ten of each class, by a hash of seed and patient.
    """
    facts = spec.provenance
    if any(image.split == VALIDATION for image in images) or (
        facts and facts.split_seed is not None and not any(image.split for image in images)
    ):
        judged = held_out(images, spec)
    else:
        drawn = _drawn(images)
        judged = [image for image in images if image.patient in drawn]
    apart = {image.patient for image in judged}
    return [image for image in images if image.patient not in apart], judged


def _drawn(images: Sequence[Image]) -> set[str]:
    """Return the patients of each class that come first by the hash, one at least."""
    drawn: set[str] = set()
    for label in {image.label for image in images}:
        patients = sorted(
            {image.patient for image in images if image.label == label},
            key=lambda patient: rank(patient, SEED),
        )
        drawn.update(patients[: max(1, round(_JUDGED_SHARE * len(patients)))])
    return drawn


def choose(images: Sequence[Image], count: int | None) -> list[Image]:
    """Return at most ``count`` images, as evenly of each class as there are, in a seeded order.

    The classes alternate, so that the first images of the choice are an even choice as well.
    """
    rng = np.random.default_rng(SEED)
    strata: list[list[Image]] = []
    for label in sorted({image.label for image in images}):
        members = [image for image in images if image.label == label]
        strata.append([members[index] for index in rng.permutation(len(members))])
    order = [
        members[turn]
        for turn in range(max(map(len, strata), default=0))
        for members in strata
        if turn < len(members)
    ]
    return order[:count]


def load_parity_images(images: Sequence[Image], spec: InputSpec) -> Images:
    """Decode and preprocess images; those that cannot be read are counted and left out.

    Raises
    ------
    DataError
        None can be read.
    """
    kept: list[Image] = []
    pixels: list[NDArray[np.uint8]] = []
    digests: list[str] = []
    of = {image.item.file: image for image in images}
    items = (image.item for image in images)
    for item, prepared in prepare_all(items, spec, ThreadEngine()):
        if isinstance(prepared.content, Pixels):
            kept.append(of[item.file])
            pixels.append(prepared.content.pixels)
            digests.append(prepared.sha256)
    unreadable = len(images) - len(kept)
    if not kept:
        raise DataError(
            f"expected images to compare on, none of {unreadable} files could be read"
            if unreadable
            else "expected images to compare on, got none"
        )
    return Images(tuple(kept), np.stack(pixels), tuple(digests), unreadable)


def without(images: Images, digests: Sequence[str]) -> Images:
    """Return the images whose bytes are not among these, whatever they are called.

    Raises
    ------
    DataError
        None is left.
    """
    kept = [index for index, digest in enumerate(images.sha256) if digest not in set(digests)]
    if not kept:
        raise DataError("--calibration: expected images other than those judged on, got the same")
    return Images(
        tuple(images.images[index] for index in kept),
        images.pixels[kept],
        tuple(images.sha256[index] for index in kept),
        images.unreadable,
    )
