"""Labelled images by name: class folders, Kaggle's layout or a CSV manifest."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from cxr_edge.datasets.csv_manifest import read_manifest
from cxr_edge.datasets.labelled_image import (
    LABELS,
    SPLITS,
    TEST,
    TRAIN,
    VALIDATION,
    LabelledImage,
    patient_of,
)
from cxr_edge.errors import DataError, UsageError
from cxr_edge.pipeline.discover import discover
from cxr_edge.system.printable import first_names

ALL_SPLITS: Final = "all"
"""In place of one of :data:`SPLITS`."""

_SPLIT_FOLDERS: Final = {"train": TRAIN, "val": VALIDATION, "test": TEST}
"""Kaggle's layout."""


def list_images(data: Path) -> list[LabelledImage]:
    """List the images of a labelled set.

    Parameters
    ----------
    data
        A folder with ``NORMAL`` and ``PNEUMONIA``; a folder with ``train``, ``val`` or ``test``
        that have them; or a CSV manifest with the columns path (relative to the manifest) and
        label, and as it likes patient, split (train, validation, test) and sha256.

    Returns
    -------
    list of LabelledImage
        Sorted by path within class and split; as in the manifest.

    Raises
    ------
    UsageError
        There is no such folder or file.
    DataError
        A class folder is missing or empty, another folder beside them has images, or the manifest
        has unknown columns, labels, splits or paths.
    """
    if data.is_file():
        return read_manifest(data)
    if not data.is_dir():
        raise UsageError(f"expected a folder of labelled images or a manifest, {data} is none")
    splits = {
        data / name: split
        for name, split in _SPLIT_FOLDERS.items()
        if any((data / name / label).is_dir() for label in LABELS)
    }
    images: list[LabelledImage] = []
    for folder, split in (splits or {data: ""}).items():
        images += _list_class_folders(folder, split)
    return images


def list_training_images(data: Path) -> list[LabelledImage]:
    """List the images to train and validate on.

    Of Kaggle's layout that is the folder ``train`` alone, still to be split: its ``val`` has 16
    images, too few to choose by. Of a manifest it is what is not marked ``test``.

    Raises
    ------
    UsageError, DataError
        As :func:`list_images`; none of the images is for training, or a patient of the test split
        is among them.
    """
    images = list_images(data)
    if data.is_dir():
        kept = [replace(image, split="") for image in images if image.split in ("", TRAIN)]
    else:
        kept = [image for image in images if image.split != TEST]
        _require_untouched_test(images, kept)
    if not kept:
        raise DataError(f"{data}: expected images to train on, all are for validation or test")
    return kept


def of_split(images: Sequence[LabelledImage], split: str) -> list[LabelledImage]:
    """Return the images of one split.

    Parameters
    ----------
    images
        What :func:`list_images` listed.
    split
        One of :data:`SPLITS`; ``all``; or nothing: those for test where there are any, else those
        for validation where there are any, else all.

    Raises
    ------
    UsageError
        There is no such split, or it has no image.
    """
    if split not in ("", ALL_SPLITS, *SPLITS):
        raise UsageError(f"--split: expected {', '.join(SPLITS)} or {ALL_SPLITS}, got {split!r}")
    if not split:
        marked = {image.split for image in images}
        split = next((name for name in (TEST, VALIDATION) if name in marked), ALL_SPLITS)
    if split == ALL_SPLITS:
        return list(images)
    wanted = [image for image in images if image.split == split]
    if not wanted:
        have = ", ".join(sorted({image.split or "no split" for image in images}))
        raise UsageError(f"--split: no image is marked {split}, these images have {have}")
    return wanted


def require_both_classes(images: Sequence[LabelledImage], where: str) -> None:
    """Raise where a class has no image.

    Raises
    ------
    DataError
        It says which and where.
    """
    for label, name in enumerate(LABELS):
        if not any(image.label == label for image in images):
            raise DataError(
                f"{where}: expected images of both classes, none of {len(images)} is {name}"
            )


def _require_untouched_test(images: Sequence[LabelledImage], kept: Sequence[LabelledImage]) -> None:
    for_test = {image.patient for image in images if image.split == TEST}
    if both := sorted(for_test & {image.patient for image in kept}):
        raise DataError(
            f"expected no patient of the test split to train on, {len(both)} are in both: "
            f"{first_names(both)}; 'cxr audit DATA --fix manifest.csv' writes a split without"
        )


def _list_class_folders(base: Path, split: str) -> list[LabelledImage]:
    images: list[LabelledImage] = []
    others = sorted(
        path.name
        for path in base.iterdir()
        if path.is_dir() and path.name not in LABELS and not path.name.startswith(".")
    )
    for label, name in enumerate(LABELS):
        folder = base / name
        if not folder.is_dir():
            raise DataError(
                f"expected class folders {' and '.join(LABELS)} in {base}, or in "
                f"{', '.join(_SPLIT_FOLDERS)} there, {folder} is missing; folders there are "
                f"{first_names(others) if others else 'none'}"
            )
        paths = [item.file for item in discover([folder])]
        if not paths:
            raise DataError(f"expected images of class {name} in {folder}, got none")
        images += [LabelledImage(path, label, patient_of(path.name), split) for path in paths]
    if strange := [name for name in others if any(discover([base / name]))]:
        raise DataError(
            f"{base}: expected images of {' and '.join(LABELS)} alone, there are also images in "
            f"{first_names(strange)}; move them away, or list the images in a manifest"
        )
    return images
