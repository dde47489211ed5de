"""Labelled films by name: class folders, Kaggle's layout or a CSV manifest."""

import csv
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cxr_edge.discover import discover
from cxr_edge.errors import DataError, UsageError
from cxr_edge.files import whole

LABELS: Final = ("NORMAL", "PNEUMONIA")
"""Class folders, and labels of a manifest: negative, positive."""

TRAIN: Final = "train"
VALIDATION: Final = "validation"
TEST: Final = "test"
SPLITS: Final = (TRAIN, VALIDATION, TEST)
"""Of a manifest."""

ALL_SPLITS: Final = "all"
"""In place of one of :data:`SPLITS`."""

_SPLIT_FOLDERS: Final = {"train": TRAIN, "val": VALIDATION, "test": TEST}
"""Kaggle's layout."""

COLUMNS: Final = ("path", "label", "patient", "split", "sha256")
"""Of a manifest; the first two must be there."""

_PATIENT: Final = re.compile(r"(person\d+)_|((?:NORMAL2-)?IM-\d+)-")
"""Kermany's names: ``person123_bacteria_4.jpeg`` and ``NORMAL2-IM-0115-0001.jpeg``."""

_NAMED_IN_AN_ERROR: Final = 10


@dataclass(frozen=True)
class LabelledFilm:
    """One film and its truth."""

    path: Path
    """The file."""
    label: int
    """Index into :data:`LABELS`."""
    patient: str
    """What groups films; see :func:`patient_of`."""
    split: str = ""
    """One of :data:`SPLITS`; empty where nothing says."""
    sha256: str = ""
    """Digest that the file must have; empty where nothing says."""

    def __post_init__(self) -> None:
        if self.label not in range(len(LABELS)) or self.split not in ("", *SPLITS):
            raise ValueError(
                f"LabelledFilm: expected label 0 or 1 and a split of {', '.join(SPLITS)} or "
                f"nothing, came {self.label!r} and {self.split!r}"
            )


def patient_of(name: str) -> str:
    """Return the patient that a file name of the Kermany set names.

    ``person123_bacteria_4.jpeg`` is person123, ``IM-0115-0001.jpeg`` is IM-0115 and
    ``NORMAL2-IM-0115-0001.jpeg`` is NORMAL2-IM-0115. Any other file is a patient of its own.
    """
    match = _PATIENT.match(name)
    return (match[1] or match[2]) if match else name


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
        return _read_manifest(data)
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


def write_manifest(
    path: Path, films: Sequence[LabelledFilm], digests: Iterable[str] | None = None
) -> None:
    """Write films as a manifest that :func:`list_films` reads.

    Parameters
    ----------
    path
        The CSV file. The films' paths are written relative to its folder.
    films
        In the order of the rows.
    digests
        SHA-256 of each file's bytes, where known.
    """
    columns = COLUMNS if digests is not None else COLUMNS[:-1]
    folder = path.resolve().parent
    with (
        whole(path) as half,
        half.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for film, digest in zip(films, digests or [""] * len(films), strict=True):
            # A link keeps its name, which may tell the patient.
            place = film.path.parent.resolve() / film.path.name
            relative = Path(os.path.relpath(place, folder)).as_posix()
            row = (relative, LABELS[film.label], film.patient, film.split, digest)
            writer.writerow(row[: len(columns)])


def some(names: Sequence[object]) -> str:
    """Return the first few of many names, and how many more there are, for a message."""
    shown = ", ".join(str(name) for name in names[:_NAMED_IN_AN_ERROR])
    more = len(names) - _NAMED_IN_AN_ERROR
    return f"{shown} and {more} more" if more > 0 else shown


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
            f"{some(both)}; 'cxr audit DATA --fix manifest.csv' writes a split without"
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
                f"{some(others) if others else 'none'}"
            )
        paths = [item.file for item in discover([folder])]
        if not paths:
            raise DataError(f"expected images of class {name} in {folder}, came none")
        films += [LabelledFilm(path, label, patient_of(path.name), split) for path in paths]
    if strange := [name for name in others if any(discover([base / name]))]:
        raise DataError(
            f"{base}: expected images of {' and '.join(LABELS)} alone, there are also images in "
            f"{some(strange)}; move them away, or list the films in a manifest"
        )
    return films


def _read_manifest(path: Path) -> list[LabelledFilm]:
    try:
        # Spreadsheets write a byte order mark.
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            reader = csv.DictReader(file, strict=True)
            columns = list(reader.fieldnames or [])
            _check_columns(path, columns)
            rows = list(reader)
    except (OSError, csv.Error, UnicodeError) as exc:
        raise DataError(f"{path}: expected a CSV manifest, it cannot be read: {exc}") from exc
    if not rows:
        raise DataError(f"{path}: expected at least one film, the manifest has none")
    _check_rows(path, rows)
    films = [
        LabelledFilm(
            path.parent / row["path"],
            LABELS.index(row["label"]),
            row.get("patient") or patient_of(Path(row["path"]).name),
            row.get("split") or "",
            row.get("sha256") or "",
        )
        for row in rows
    ]
    if missing := [film.path for film in films if not film.path.is_file()]:
        raise DataError(
            f"{path}: {len(missing)} of {len(films)} paths are no files: {some(missing)}; paths "
            "are relative to the manifest's folder"
        )
    return films


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    unknown = [repr(name) for name in columns if name not in COLUMNS]
    missing = [name for name in COLUMNS[:2] if name not in columns]
    if unknown or missing or len(set(columns)) < len(columns):
        raise DataError(
            f"{path}: expected a CSV manifest with the columns path and label, and as you like "
            f"patient, split and sha256; came {', '.join(map(repr, columns)) or 'nothing'}"
        )


def _check_rows(path: Path, rows: Sequence[dict[str, str]]) -> None:
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        where = f"{path}, row {number}"
        if None in row or None in row.values():
            raise DataError(f"{where}: expected as many fields as the first row has")
        if row["label"] not in LABELS:
            raise DataError(f"{where}: expected label {' or '.join(LABELS)}, came {row['label']!r}")
        if row.get("split", "") not in ("", *SPLITS):
            raise DataError(
                f"{where}: expected split {', '.join(SPLITS)} or nothing, came {row['split']!r}"
            )
        if row["path"] in seen:
            raise DataError(f"{where}: {row['path']!r} stands in the manifest twice")
        seen.add(row["path"])
