"""A CSV manifest of labelled images."""

import csv
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cxr_edge.datasets.classes import Classes, joined
from cxr_edge.datasets.labelled_image import SPLITS, LabelledImage, patient_of
from cxr_edge.errors import DataError
from cxr_edge.imaging.other_contents import LOOK_BYTES, kind_of_packed
from cxr_edge.imaging.sniff import identify
from cxr_edge.storage.atomic import atomic_write
from cxr_edge.system.plural import worded
from cxr_edge.system.printable import first_names, shortened

COLUMNS: Final = ("path", "label", "patient", "split", "sha256")
"""Columns of a manifest; the first two are required."""


def write_csv_manifest(
    path: Path,
    images: Sequence[LabelledImage],
    classes: Classes,
    digests: Iterable[str] | None = None,
) -> None:
    """Write images as a manifest that :func:`read_csv_manifest` reads.

    Parameters
    ----------
    path
        The CSV file. The images' paths are written relative to its folder.
    images
        Labelled images, in the order of the rows.
    classes
        Class names that become labels.
    digests
        SHA-256 of each file's bytes, where known.
    """
    columns = COLUMNS if digests is not None else COLUMNS[:-1]
    folder = path.resolve().parent
    with (
        atomic_write(path) as half,
        half.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for image, digest in zip(images, digests or [""] * len(images), strict=True):
            # A link keeps its name, which may identify the patient.
            place = image.path.parent.resolve() / image.path.name
            relative = Path(os.path.relpath(place, folder)).as_posix()
            row = (relative, image.class_in(classes), image.patient, image.split, digest)
            writer.writerow(row[: len(columns)])


def read_labels(path: Path) -> list[str]:
    """Return the labels that occur in a manifest, sorted; errors as :func:`read_csv_manifest`."""
    return sorted({row["label"] for row in _read_rows(path)})


def read_csv_manifest(path: Path, classes: Classes) -> list[LabelledImage]:
    """Read the images of a manifest.

    Parameters
    ----------
    path
        The CSV file.
    classes
        Class names that its labels may be.

    Raises
    ------
    DataError
        It cannot be read, has unknown columns, labels or splits, or names files that do not exist.
    """
    rows = _read_rows(path)
    for number, row in enumerate(rows, start=2):
        if row["label"] not in classes:
            raise DataError(
                f"{path}, row {number}: expected label {joined(classes, 'or')}, "
                f"got {_quoted(row['label'])}"
            )
    images = [
        LabelledImage(
            path.parent / row["path"],
            classes.index(row["label"]),
            row.get("patient") or patient_of(Path(row["path"]).name),
            row.get("split") or "",
            row.get("sha256") or "",
        )
        for row in rows
    ]
    if missing := [image.path for image in images if not image.path.is_file()]:
        raise DataError(
            f"{path}: {len(missing)} of {len(images)} paths are not files: {first_names(missing)}; "
            "paths are relative to the manifest's folder"
        )
    return images


def _quoted(text: str) -> str:
    """Return text of a file in quotes, for a message: it may be anything, and any length."""
    return repr(shortened(text))


def _read_rows(path: Path) -> list[dict[str, str]]:
    try:
        _require_text(path)
        # Spreadsheets write a byte order mark.
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            reader = csv.DictReader(file, strict=True)
            columns = list(reader.fieldnames or [])
            _check_columns(path, columns)
            rows = list(reader)
    except (OSError, csv.Error, UnicodeError) as exc:
        raise DataError(f"{path}: expected a CSV manifest, it cannot be read: {exc}") from exc
    if not rows:
        raise DataError(f"{path}: expected at least one image, the manifest has none")
    _check_rows(path, rows)
    return rows


def _require_text(path: Path) -> None:
    """Raise DataError for an archive, an image and what else is no text; may raise OSError."""
    with path.open("rb") as file:
        head = file.read(LOOK_BYTES)
    expected = f"{path}: expected a folder or a CSV manifest"
    if kind := kind_of_packed(head):
        raise DataError(f"{expected}, got a {kind} file; unpack it first")
    if image := identify(head):
        raise DataError(f"{expected}, got a {image} file; name the folder that it is in")
    if b"\0" in head:
        raise DataError(f"{expected}, got a file that is no text; save the table as CSV in UTF-8")


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    unknown = [_quoted(name) for name in columns if name not in COLUMNS]
    missing = [repr(name) for name in COLUMNS[:2] if name not in columns]
    twice = [_quoted(name) for name, count in Counter(columns).items() if count > 1]
    advice = "; ".join(
        f"{verb} {worded(len(names), 'the column', 'the columns')} {first_names(names)}"
        for verb, names in (("add", missing), ("remove", unknown), ("keep one alone of", twice))
        if names
    )
    if advice:
        raise DataError(
            f"{path}: expected a CSV manifest with the columns path and label, and optionally "
            f"patient, split and sha256; got "
            f"{first_names([_quoted(name) for name in columns]) or 'nothing'}; {advice}"
        )


def _field_count(row: Mapping[Any, Any]) -> int:  # Any: what csv makes of a row
    """Return how many fields a row has; csv keeps those that have no column under None."""
    own = sum(value is not None for key, value in row.items() if key is not None)
    return own + len(row.get(None, ()))


def _check_rows(path: Path, rows: Sequence[dict[str, str]]) -> None:
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        where = f"{path}, row {number}"
        if None in row or None in row.values():
            expected, got = len(row.keys() - {None}), _field_count(row)
            raise DataError(
                f"{where}: expected as many fields as the first row has ({expected}), got {got}; "
                "put a field that has a comma in it between double quotes"
            )
        if not row["label"]:
            raise DataError(f"{where}: expected a label, got none")
        if row.get("split", "") not in ("", *SPLITS):
            raise DataError(
                f"{where}: expected split {', '.join(SPLITS)} or nothing, got "
                f"{_quoted(row['split'])}"
            )
        if row["path"] in seen:
            raise DataError(f"{where}: {_quoted(row['path'])} is in the manifest twice")
        seen.add(row["path"])
