"""Labelled films by name: class folders, Kaggle's layout or a CSV manifest."""

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
    LabelledFilm,
    patient_of,
)
from cxr_edge.errors import DataError, UsageError
from cxr_edge.pipeline.discover import discover
from cxr_edge.system.printable import first_names

ALL_SPLITS: Final = "all"
"""In place of one of :data:`SPLITS`."""

_SPLIT_FOLDERS: Final = {"train": TRAIN, "val": VALIDATION, "test": TEST}
"""Kaggle's layout."""


def list_films(data: Path) -> list[LabelledFilm]:
    """List the films of a labelled set.

    Parameters
    ----------
    data
        A folder with ``NORMAL`` and ``PNEUMONIA``; a folder with ``train``, ``val`` or ``test``
        that have them; or a CSV manifest with the columns path (relative to the manifest) and
        label, and as it likes patient, split (train, validation, test) and sha256.

    Returns
    -------
    list of LabelledFilm
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
        raise UsageError(f"expected a folder of labelled films or a manifest, {data} is none")
    splits = {
        data / name: split
        for name, split in _SPLIT_FOLDERS.items()
        if any((data / name / label).is_dir() for label in LABELS)
    }
    films: list[LabelledFilm] = []
    for folder, split in (splits or {data: ""}).items():
        films += _list_class_folders(folder, split)
    return films


def list_training_films(data: Path) -> list[LabelledFilm]:
    """List the films to train and validate on.

    Of Kaggle's layout that is the folder ``train`` alone, still to be split: its ``val`` has 16
    films, too few to choose by. Of a manifest it is what is not marked ``test``.

    Raises
    ------
    UsageError, DataError
        As :func:`list_films`; none of the films is for training, or a patient of the test split
        is among them.
    """
    films = list_films(data)
    if data.is_dir():
        kept = [replace(film, split="") for film in films if film.split in ("", TRAIN)]
    else:
        kept = [film for film in films if film.split != TEST]
        _require_untouched_test(films, kept)
    if not kept:
        raise DataError(f"{data}: expected films to train on, all are for validation or test")
    return kept


def of_split(films: Sequence[LabelledFilm], split: str) -> list[LabelledFilm]:
    """Return the films of one split.

    Parameters
    ----------
    films
        What :func:`list_films` listed.
    split
        One of :data:`SPLITS`; ``all``; or nothing: those for test where there are any, else those
        for validation where there are any, else all.

    Raises
    ------
    UsageError
        There is no such split, or it has no film.
    """
    if split not in ("", ALL_SPLITS, *SPLITS):
        raise UsageError(f"--split: expected {', '.join(SPLITS)} or {ALL_SPLITS}, came {split!r}")
    if not split:
        marked = {film.split for film in films}
        split = next((name for name in (TEST, VALIDATION) if name in marked), ALL_SPLITS)
    if split == ALL_SPLITS:
        return list(films)
    wanted = [film for film in films if film.split == split]
    if not wanted:
        have = ", ".join(sorted({film.split or "no split" for film in films}))
        raise UsageError(f"--split: no film is marked {split}, these films have {have}")
    return wanted


def require_both_classes(films: Sequence[LabelledFilm], where: str) -> None:
    """Raise where a class has no film.

    Raises
    ------
    DataError
        It says which and where.
    """
    for label, name in enumerate(LABELS):
        if not any(film.label == label for film in films):
            raise DataError(
                f"{where}: expected films of both classes, none of {len(films)} is {name}"
            )


def _require_untouched_test(films: Sequence[LabelledFilm], kept: Sequence[LabelledFilm]) -> None:
    for_test = {film.patient for film in films if film.split == TEST}
    if both := sorted(for_test & {film.patient for film in kept}):
        raise DataError(
            f"expected no patient of the test split to train on, {len(both)} are in both: "
            f"{first_names(both)}; 'cxr audit DATA --fix manifest.csv' writes a split without"
        )


def _list_class_folders(base: Path, split: str) -> list[LabelledFilm]:
    films: list[LabelledFilm] = []
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
            raise DataError(f"expected images of class {name} in {folder}, came none")
        films += [LabelledFilm(path, label, patient_of(path.name), split) for path in paths]
    if strange := [name for name in others if any(discover([base / name]))]:
        raise DataError(
            f"{base}: expected images of {' and '.join(LABELS)} alone, there are also images in "
            f"{first_names(strange)}; move them away, or list the films in a manifest"
        )
    return films
