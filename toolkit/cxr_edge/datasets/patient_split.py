"""The split by patient."""

import hashlib
from dataclasses import replace
from pathlib import Path

from cxr_edge.datasets.csv_manifest import write_manifest
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import TRAIN, VALIDATION
from cxr_edge.datasets.listing import require_both_classes
from cxr_edge.errors import DataError
from cxr_edge.system.printable import first_names


def in_validation(patient: str, seed: int, fraction: float) -> bool:
    """Tell whether all images of a patient are held out.

    A hash of seed and patient alone decides it, so that it is the same for any part of the set, in
    any order.
    """
    return rank(patient, seed) < fraction


def rank(patient: str, seed: int) -> float:
    """Return a number from 0 to 1 that shuffles patients, the same on every machine."""
    digest = hashlib.sha256(f"{seed}:{patient}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8]) / 2.0**64


def split_by_patient(images: ImageSet, seed: int, fraction: float) -> tuple[ImageSet, ImageSet]:
    """Split into training and validation images, no patient on both sides.

    The split of a manifest is kept.

    Raises
    ------
    DataError
        A side lacks a class, or the manifest has a patient on both sides.
    """
    given = images.says_split
    held_out = [
        image.split == VALIDATION if given else in_validation(image.patient, seed, fraction)
        for image in images.images
    ]
    validation = images.where(held_out)
    training = images.where([not held for held in held_out])
    advice = "change the manifest" if given else "change --validation-fraction or --split-seed"
    for name, side in ((TRAIN, training), (VALIDATION, validation)):
        where = f"the {name} side of the split (add images, or {advice})"
        require_both_classes(side.images, side.classes, where)
    both = {image.patient for image in training.images} & {
        image.patient for image in validation.images
    }
    if both:
        raise DataError(
            f"expected every patient on one side of the split, {len(both)} are on both: "
            f"{first_names(sorted(both))}; 'cxr audit DATA --fix manifest.csv' writes a split "
            "without"
        )
    return training, validation


def split_by_fold(images: ImageSet, fold: int, count: int, seed: int) -> tuple[ImageSet, ImageSet]:
    """Split so that one fold of the patients is validated on and the others are trained on.

    Parameters
    ----------
    images
        Images without a split of their own.
    fold
        The fold, from 1.
    count
        Folds, at least 2.
    seed
        Seed of the draw.

    Raises
    ------
    DataError
        A side lacks a class.
    """
    held_out = [int(rank(image.patient, seed) * count) == fold - 1 for image in images.images]
    sides = images.where([not held for held in held_out]), images.where(held_out)
    for name, side in zip((TRAIN, VALIDATION), sides, strict=True):
        where = f"the {name} side of fold {fold} of {count} (use fewer folds, or add patients)"
        require_both_classes(side.images, side.classes, where)
    return sides


def split_digest(training: ImageSet, validation: ImageSet) -> str:
    """Return a SHA-256 over the bytes, the label and the side of every image."""
    rows = [
        f"{digest} {image.label} {side}"
        for side, images in ((TRAIN, training), (VALIDATION, validation))
        for image, digest in zip(images.images, images.sha256, strict=True)
    ]
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()


def write_split(path: Path, training: ImageSet, validation: ImageSet) -> None:
    """Write both sides as a manifest."""
    sides = ((TRAIN, training), (VALIDATION, validation))
    images = [replace(image, split=split) for split, side in sides for image in side.images]
    write_manifest(path, images, training.classes, [*training.sha256, *validation.sha256])
