"""Labelled films: from class folders to patient-grouped arrays of uint8 pixels."""

import csv
import hashlib
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.discover import discover
from cxr_edge.errors import DataError, ImageError
from cxr_edge.machine import usable_cpus
from cxr_edge.prepare import prepare
from cxr_edge.spec import InputSpec

LABELS: Final = ("NORMAL", "PNEUMONIA")
"""Class folders: negative, positive."""

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


@dataclass(frozen=True)
class FilmSet:
    """Films in memory, ready for a network."""

    films: tuple[LabelledFilm, ...]
    """N films, sorted by path."""
    pixels: NDArray[np.uint8]
    """Shape (N, H, W, C)."""
    sha256: tuple[str, ...]
    """Digest of each file's bytes."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """Shape (N,), 1 for the positive class."""
        return np.array([film.label for film in self.films], dtype=np.int64)

    @property
    def patients(self) -> int:
        """Count of different patients."""
        return len({film.patient for film in self.films})

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted digests of the files."""
        return hashlib.sha256("".join(sorted(self.sha256)).encode()).hexdigest()

    def take(self, indices: Sequence[int]) -> "FilmSet":
        """Return the films at ``indices``, in that order."""
        return FilmSet(
            tuple(self.films[index] for index in indices),
            self.pixels[np.asarray(indices, dtype=np.intp)],
            tuple(self.sha256[index] for index in indices),
        )


def patient_of(name: str) -> str:
    """Return the patient that a file name of the Kermany set names.

    ``person123_bacteria_4.jpeg`` is person123, ``IM-0115-0001.jpeg`` is IM-0115 and
    ``NORMAL2-IM-0115-0001.jpeg`` is NORMAL2-IM-0115. Any other file is a patient of its own.
    """
    match = _PATIENT.match(name)
    return (match[1] or match[2]) if match else name


def in_validation(patient: str, seed: int, fraction: float) -> bool:
    """Tell whether all films of a patient are held out.

    Decided by a hash of seed and patient alone, so that it stays the same whichever part of
    the set, in whichever order, is at hand.
    """
    digest = hashlib.sha256(f"{seed}:{patient}".encode()).digest()
    return int.from_bytes(digest[:8]) < fraction * 2.0**64


def list_films(root: Path) -> list[LabelledFilm]:
    """List the films below class folders NORMAL and PNEUMONIA in ``root`` or in ``root/train``.

    Raises
    ------
    DataError
        A class folder is missing or has no image.
    """
    base = root / "train" if (root / "train").is_dir() else root
    films: list[LabelledFilm] = []
    for label, name in enumerate(LABELS):
        folder = base / name
        if not folder.is_dir():
            raise DataError(
                f"expected class folders {' and '.join(LABELS)} in {root} or {root / 'train'}, "
                f"{folder} is missing"
            )
        paths = [item.file for item in discover([folder])]
        if not paths:
            raise DataError(f"expected images of class {name} in {folder}, came none")
        films += [LabelledFilm(path, label, patient_of(path.name)) for path in paths]
    return films


def load_films(films: Sequence[LabelledFilm], spec: InputSpec) -> FilmSet:
    """Decode and preprocess films exactly as a scan does, dropping exact duplicates.

    Of files with the same bytes the first is kept, so that no film stands on both sides of a
    split under two names.

    Raises
    ------
    DataError
        Some files cannot be read; the message lists them.
    """
    pixels = np.empty((len(films), *spec.shape), np.uint8)
    digests: list[str] = []
    kept: list[LabelledFilm] = []
    failures: list[str] = []
    seen: set[str] = set()
    with ThreadPoolExecutor(usable_cpus()) as pool:
        prepared = pool.map(lambda film: prepare(film.path, spec), films)
        for film, result in zip(films, prepared, strict=True):
            if isinstance(result.content, ImageError):
                failures.append(f"{film.path} ({result.content.reason})")
            elif result.sha256 not in seen:
                seen.add(result.sha256)
                pixels[len(kept)] = result.content.pixels
                kept.append(film)
                digests.append(result.sha256)
    if failures:
        shown = ", ".join(failures[:_NAMED_IN_AN_ERROR])
        more = len(failures) - _NAMED_IN_AN_ERROR
        raise DataError(
            f"expected readable images, {len(failures)} of {len(films)} are not: {shown}"
            f"{f' and {more} more' if more > 0 else ''}; repair or remove them"
        )
    return FilmSet(tuple(kept), pixels[: len(kept)], tuple(digests))


def split_by_patient(films: FilmSet, seed: int, fraction: float) -> tuple[FilmSet, FilmSet]:
    """Split into training and validation films, no patient on both sides.

    Raises
    ------
    DataError
        A side lacks a class.
    """
    held_out = [in_validation(film.patient, seed, fraction) for film in films.films]
    validation = films.take([index for index, held in enumerate(held_out) if held])
    training = films.take([index for index, held in enumerate(held_out) if not held])
    for name, side in (("training", training), ("validation", validation)):
        for label, class_name in enumerate(LABELS):
            if not any(film.label == label for film in side.films):
                raise DataError(
                    f"the {name} side of the split has no {class_name} film "
                    f"({len(side.films)} of {len(films.films)} films); add films, or change "
                    "--validation-fraction or --seed"
                )
    return training, validation


def write_split(path: Path, root: Path, training: FilmSet, validation: FilmSet) -> None:
    """Write which film went to which side, as CSV: path, label, patient, split, sha256."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "label", "patient", "split", "sha256"))
        for split, side in (("train", training), ("validation", validation)):
            for film, digest in zip(side.films, side.sha256, strict=True):
                relative = Path(os.path.relpath(film.path, root)).as_posix()
                writer.writerow((relative, LABELS[film.label], film.patient, split, digest))
