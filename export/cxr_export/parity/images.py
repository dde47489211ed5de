"""Images to calibrate and compare on: listed, and chosen by class and patient."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from cxr_edge.datasets.classes import Classes
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import UNKNOWN, VALIDATION, LabelledImage, patient_of
from cxr_edge.datasets.listing import list_images
from cxr_edge.datasets.patient_split import in_validation, rank
from cxr_edge.datasets.training_images import TrainingImages
from cxr_edge.errors import DataError, UsageError
from cxr_edge.models.checksums import file_sha256
from cxr_edge.pipeline.discover import discover
from cxr_edge.spec.model_spec import ModelSpec

SEED: Final = 2021
"""Seed of every choice among images."""

_JUDGED_SHARE: Final = 0.3


def list_parity_images(data: Sequence[Path], classes: Classes) -> list[LabelledImage]:
    """List images with what is known of them.

    Parameters
    ----------
    data
        Files, folders and manifests (``.csv``). An image in none is labelled by the nearest folder
        above it that has a class's name, and has no label where there is none.
    classes
        Class names: negative, positive.

    Returns
    -------
    list of LabelledImage
        One for each file, in the order of ``data``.

    Raises
    ------
    UsageError
        A path does not exist.
    DataError
        A manifest cannot be read, or there is no image.
    """
    manifests = [path for path in data if path.suffix.lower() == ".csv" and path.is_file()]
    others = [path for path in data if path not in manifests]
    listed = [image for path in manifests for image in list_images(path, classes)]
    for item in discover(others) if others else ():
        label = _label_by_folder(item.file, classes)
        listed.append(LabelledImage(item.file, label, patient_of(item.file.name)))
    if not listed:
        raise DataError("expected images to compare on, got none in the folders given")
    return list({image.path.resolve(): image for image in reversed(listed)}.values())[::-1]


def _label_by_folder(file: Path, classes: Classes) -> int:
    """Return the label that the nearest folder with a class's name gives a file."""
    named = [part for part in file.absolute().parent.parts if part in classes]
    return classes.index(named[-1]) if named else UNKNOWN


def held_out(
    images: Iterable[LabelledImage], spec: ModelSpec, known: TrainingImages | None
) -> list[LabelledImage]:
    """Return the images that the model was validated on.

    Parameters
    ----------
    images
        Listed images. A split of their own counts first.
    spec
        Spec of the model; one of an earlier version says which patients it was validated on.
    known
        Images that the model lists, found by the bytes of the files; None if it lists none.

    Raises
    ------
    UsageError
        Neither the model nor a manifest says which they are, or none was held out from the model.
    DataError
        No image is one of them, or a file cannot be read.
    """
    kept = _validation_images(list(images), spec, known)
    if kept is None:
        raise UsageError(
            f"--held-out: expected a model that says what it was validated on, {spec.name} does "
            "not; give a manifest with a split, or leave the option out"
        )
    if not kept and known and not known.validation:
        raise UsageError(
            f"--held-out: expected a model with validation images, {spec.name} was trained on all "
            "images of its run; leave the option out"
        )
    if not kept:
        raise DataError("--held-out: expected images that the model was validated on, got none")
    return kept


def _validation_images(
    images: Sequence[LabelledImage], spec: ModelSpec, known: TrainingImages | None
) -> list[LabelledImage] | None:
    """Return the images that the model was validated on; None where nothing says which they are."""
    facts = spec.provenance
    if any(image.split for image in images):
        return [image for image in images if image.split == VALIDATION]
    if known:
        mask = known.validated_on([_digest(image.path) for image in images])
        return [image for image, wanted in zip(images, mask, strict=True) if wanted]
    if facts and facts.split_seed is not None:
        seed, fraction = facts.split_seed, facts.validation_fraction
        return [image for image in images if in_validation(image.patient, seed, fraction)]
    return None


def _digest(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as exc:
        raise DataError(f"{path} cannot be read: {exc.strerror}") from exc


def divide(
    images: Sequence[LabelledImage], spec: ModelSpec, known: TrainingImages | None
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Divide images by patient into those to calibrate with and those to judge on.

    The images that the model was validated on are judged on, if the model or a manifest names them
    and some are here; if not, or if no image was held out from the model, three patients in ten of
    each class, by a hash of seed and patient.

    Parameters
    ----------
    images, spec, known
        As for :func:`held_out`.
    """
    judged = _validation_images(images, spec, known)
    if not judged:
        drawn = _drawn(images)
        judged = [image for image in images if image.patient in drawn]
    judged_patients = {image.patient for image in judged}
    return [image for image in images if image.patient not in judged_patients], judged


def _drawn(images: Sequence[LabelledImage]) -> set[str]:
    """Return the patients of each class that come first by the hash, at least one."""
    drawn: set[str] = set()
    for label in {image.label for image in images}:
        patients = sorted(
            {image.patient for image in images if image.label == label},
            key=lambda patient: rank(patient, SEED),
        )
        drawn.update(patients[: max(1, round(_JUDGED_SHARE * len(patients)))])
    return drawn


def even_choice(images: Sequence[LabelledImage], count: int | None) -> list[LabelledImage]:
    """Return at most ``count`` images in a seeded order, of each class alike.

    The classes alternate, so that the first images of the choice are an even choice as well.
    """
    rng = np.random.default_rng(SEED)
    strata: list[list[LabelledImage]] = []
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


def without(images: ImageSet, digests: Sequence[str]) -> ImageSet:
    """Return the images whose bytes are not among these, whatever their names.

    Raises
    ------
    DataError
        None is left.
    """
    left_out = set(digests)
    kept = images.where([digest not in left_out for digest in images.sha256])
    if not kept.images:
        raise DataError("--calibration: expected images other than those judged on, got the same")
    return replace(kept, unreadable=images.unreadable, duplicates=images.duplicates)
