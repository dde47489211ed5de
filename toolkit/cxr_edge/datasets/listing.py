"""Labelled images by name: class folders, Kaggle's layout or a CSV manifest."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from cxr_edge.datasets.classes import Classes, joined, order_classes, quoted
from cxr_edge.datasets.csv_manifest import read_csv_manifest, read_labels
from cxr_edge.datasets.labelled_image import (
    TEST,
    TRAIN,
    UNKNOWN,
    VALIDATION,
    LabelledImage,
    patient_of,
)
from cxr_edge.errors import DataError, UsageError
from cxr_edge.pipeline.discover import discover
from cxr_edge.pipeline.skipped import UNLISTED, Skipped
from cxr_edge.storage.system_names import names_in
from cxr_edge.system.printable import first_names

ALL_SPLITS: Final = "all"
"""Name of all splits together."""

_SPLIT_FOLDERS: Final = {"train": TRAIN, "val": VALIDATION, "test": TEST}
"""Kaggle's layout."""


def class_names(data: Path) -> list[str]:
    """Return the names of the classes that a labelled set has, sorted.

    Parameters
    ----------
    data
        A folder with a folder of images for each class; a folder with ``train``, ``val`` or
        ``test`` that have them; or a CSV manifest with the columns path (relative to the manifest)
        and label, and optionally patient, split (train, validation, test) and sha256.

    Raises
    ------
    UsageError
        There is no such folder or file.
    DataError
        The manifest cannot be read.
    """
    if data.is_file():
        return read_labels(data)
    if not data.exists():
        raise UsageError(f"{data} does not exist; check the spelling")
    if not data.is_dir():
        raise UsageError(f"{data} is neither a folder of labelled images nor a CSV manifest")
    return sorted({folder.name for base in _split_folders(data) for folder in _with_images(base)})


def find_classes(data: Path, positive: str = "") -> Classes:
    """Return the classes of a labelled set: negative, positive.

    Parameters
    ----------
    data
        As for :func:`class_names`.
    positive
        Name of the positive class; may be left out where the classes are NORMAL and PNEUMONIA.

    Raises
    ------
    UsageError, DataError
        As :func:`class_names` and :func:`cxr_edge.datasets.classes.order_classes`.
    """
    return order_classes(class_names(data), positive, data)


def list_images(
    data: Path, classes: Classes, skipped: Skipped | None = None
) -> list[LabelledImage]:
    """List the images of a labelled set.

    Parameters
    ----------
    data
        As for :func:`class_names`.
    classes
        Class names: negative, positive. A set of one of them alone will do.
    skipped
        Counts the files and folders in class folders that are not taken.

    Returns
    -------
    list of LabelledImage
        Sorted by path within class and split; a manifest's in its own order.

    Raises
    ------
    UsageError
        There is no such folder or file.
    DataError
        There are images of other classes, or none; a folder cannot be read; or the manifest has
        unknown columns, splits or paths.
    """
    if data.is_file():
        return read_csv_manifest(data, classes)
    if strange := [name for name in class_names(data) if name not in classes]:
        raise DataError(
            f"{data}: expected images of {joined(classes)} alone, there are also images in "
            f"{first_names(quoted(strange))}; move them away, or list the images in a manifest"
        )
    skipped = skipped or Skipped()
    images = [
        LabelledImage(item.file, label, patient_of(item.file.name), split)
        for base, split in _split_folders(data).items()
        for label, name in enumerate(classes)
        if (base / name).is_dir()
        for item in discover([base / name], skipped)
    ]
    _require_listed(data, skipped)
    if not images:
        raise DataError(f"{data}: expected folders {joined(classes)} with images, got none")
    return images


def list_training_images(data: Path, classes: Classes) -> list[LabelledImage]:
    """List the images to train and validate on.

    In Kaggle's layout these are in the folder ``train`` alone, still to be split: its ``val`` has
    16 images, too few to choose by. In a manifest they are those not marked ``test``.

    Raises
    ------
    UsageError, DataError
        As :func:`list_images`; a class has no image for training, or a patient of the test split
        is among them.
    """
    images = list_images(data, classes)
    if data.is_dir():
        kept = [replace(image, split="") for image in images if image.split in ("", TRAIN)]
    else:
        kept = [image for image in images if image.split != TEST]
        _require_untouched_test(images, kept)
    if not kept:
        raise DataError(f"{data}: expected images to train on, all are for validation or test")
    require_both_classes(kept, classes, f"in {data}", "add images, or check the folder or manifest")
    return kept


def list_unlabelled(folder: Path) -> list[LabelledImage]:
    """List the images in a folder and below, of unknown class, in the order of a scan.

    Raises
    ------
    UsageError
        It is no folder.
    DataError
        It has no images, or folders that cannot be read.
    """
    if not os.path.isdir(folder):  # noqa: PTH112  (Path raises for a name that is too long)
        raise UsageError(f"--unlabelled: expected a folder of images, got {folder}")
    skipped = Skipped()
    items = list(discover([folder], skipped))
    _require_listed(folder, skipped)
    if not items:
        raise DataError(f"{folder}: expected images in it or below, got none")
    return [LabelledImage(item.file, UNKNOWN, patient_of(item.file.name)) for item in items]


def of_split(images: Sequence[LabelledImage], split: str | None) -> list[LabelledImage]:
    """Return the images of one split.

    Parameters
    ----------
    images
        Images that :func:`list_images` listed.
    split
        One of :data:`cxr_edge.datasets.labelled_image.SPLITS`, or ``all``; None for those for test
        if there are any, else those for validation if there are any, else all.

    Raises
    ------
    UsageError
        The split has no image.
    """
    if split is None:
        marked = {image.split for image in images}
        split = next((name for name in (TEST, VALIDATION) if name in marked), ALL_SPLITS)
    if split == ALL_SPLITS:
        return list(images)
    wanted = [image for image in images if image.split == split]
    if not wanted:
        have = sorted({image.split for image in images if image.split})
        if not have:
            raise UsageError(
                f"--split: expected images of the split {split!r}, got images without a split; "
                "leave --split out"
            )
        raise UsageError(
            f"--split: expected a split with images ({joined(have, 'or')}), got {split!r} without "
            "any"
        )
    return wanted


def require_both_classes(
    images: Sequence[LabelledImage], classes: Classes, where: str, advice: str
) -> None:
    """Raise where a class has no image.

    Parameters
    ----------
    images
        Labelled images.
    classes
        Class names: negative, positive.
    where
        Place or purpose of the images, for the message: ``to train on``.
    advice
        Remedy, for the message.

    Raises
    ------
    DataError
        A class has no image; the message says which.
    """
    counts = [sum(image.label == label for image in images) for label in range(len(classes))]
    if not all(counts):
        got = " and ".join(
            f"{count or 'none'} of {name}" for count, name in zip(counts, classes, strict=True)
        )
        raise DataError(f"expected images of both classes {where}, got {got}; {advice}")


def _require_listed(data: Path, skipped: Skipped) -> None:
    if lost := skipped.counts[UNLISTED]:
        first = first_names(skipped.first_lost, lost)
        raise DataError(
            f"{data}: expected folders that can be read, {lost} in it cannot: {first}; check their "
            "permissions"
        )


def _require_untouched_test(images: Sequence[LabelledImage], kept: Sequence[LabelledImage]) -> None:
    for_test = {image.patient for image in images if image.split == TEST}
    if both := sorted(for_test & {image.patient for image in kept}):
        raise DataError(
            f"expected no patient of the test split to train on, {len(both)} are in both: "
            f"{first_names(both)}; 'cxr audit DATA --fix manifest.csv' writes a split without"
        )


def _split_folders(data: Path) -> dict[Path, str]:
    """Return the folders that hold class folders, each with its split; empty for no split."""
    splits = {data / name: split for name, split in _SPLIT_FOLDERS.items()}
    return {base: split for base, split in splits.items() if _with_images(base)} or {data: ""}


def _with_images(base: Path) -> list[Path]:
    """Return the folders in ``base`` that a scan enters and that have images in them or below."""
    if not base.is_dir():
        return []
    folders = [base / name for name in names_in(base) if (base / name).is_dir()]
    return [folder for folder in folders if any(discover([folder]))]
