"""The split by patient, stratified by class."""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from cxr_edge.datasets.csv_manifest import write_csv_manifest
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import TRAIN, VALIDATION, LabelledImage
from cxr_edge.datasets.listing import require_both_classes
from cxr_edge.errors import DataError
from cxr_edge.metrics.proportions import wilson
from cxr_edge.system.printable import first_names

LEAST: Final = 10
"""Validation images of a class, without which no figure means anything: ten right of ten can mean a
true rate of 0.72."""

FEW: Final = 100
"""Validation images of a class; fewer are too few to choose a model by."""


def in_validation(patient: str, seed: int, fraction: float) -> bool:
    """Tell whether a model of an earlier version was validated on a patient.

    A hash of seed and patient alone decided it, so that it is the same for any part of the set, in
    any order, but classes were not held out evenly. Models of this version list their images
    instead: :class:`cxr_edge.datasets.training_images.TrainingImages`.
    """
    return rank(patient, seed) < fraction


def rank(patient: str, seed: int) -> float:
    """Return a number from 0 to 1 that shuffles patients, the same on every machine."""
    digest = hashlib.sha256(f"{seed}:{patient}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8]) / 2.0**64


def hold_out(images: Sequence[LabelledImage], seed: int, fraction: float) -> set[str]:
    """Choose the patients to validate on, class by class.

    There are three strata: patients with images of the negative class, of the positive class, and
    of both. In each, patients are held out, in an order drawn from the seed, until they have
    ``fraction`` of its images.

    Parameters
    ----------
    images
        Images with their patients.
    seed
        Seed of the order.
    fraction
        Share of the images to hold out.
    """
    classes: dict[str, set[int]] = defaultdict(set)
    for image in images:
        classes[image.patient].add(image.label)
    counts = Counter(image.patient for image in images)
    strata: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for patient in sorted(classes, key=lambda name: rank(name, seed)):
        strata[tuple(sorted(classes[patient]))].append(patient)
    held_out: set[str] = set()
    for patients in strata.values():
        wanted = fraction * sum(counts[patient] for patient in patients)
        for patient in patients:
            if wanted >= counts[patient] / 2:  # with this patient nearer to the mark than without
                held_out.add(patient)
                wanted -= counts[patient]
    return held_out


def split_by_patient(images: ImageSet, seed: int, fraction: float) -> tuple[ImageSet, ImageSet]:
    """Split into training and validation images, no patient on both sides.

    The split of a manifest is kept; other sets are split by :func:`hold_out`.

    Raises
    ------
    DataError
        A side lacks a class, or the manifest has a patient on both sides.
    """
    given = images.says_split
    patients = set() if given else hold_out(images.images, seed, fraction)
    held_out = [
        image.split == VALIDATION if given else image.patient in patients for image in images.images
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


def require_enough(images: ImageSet, validation: ImageSet, fraction: float) -> None:
    """Check that figures of the validation images mean something.

    Parameters
    ----------
    images
        All images, with or without a split of their own.
    validation
        Those to validate on.
    fraction
        Share of the images that was to be held out.

    Raises
    ------
    DataError
        A class has fewer than :data:`LEAST` validation images; the message says how many images it
        needs.
    """
    for label, name in enumerate(images.classes):
        got, there = (int((side.labels == label).sum()) for side in (validation, images))
        if got >= LEAST:
            continue
        if images.says_split:
            advice = "mark more of them for validation in the manifest"
        else:
            share = f", or --validation-fraction {LEAST / there:.2f}" if there >= 2 * LEAST else ""
            advice = (
                f"this takes about {math.ceil(LEAST / fraction)} images of {name} with "
                f"--validation-fraction {fraction:g}{share}"
            )
        raise DataError(
            f"expected at least {LEAST} images of each class to validate on, got {got} of {name} "
            f"({there} in all): {doubt(got)}; {advice}"
        )


def doubt(images: int) -> str:
    """Return what so few validation images of a class leave open."""
    if not images:
        return "without any there are no figures"
    least = wilson(images, images).low
    return f"even {images} of {images} right can mean a true rate of {least:.2f}"


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
    write_csv_manifest(path, images, training.classes, [*training.sha256, *validation.sha256])
