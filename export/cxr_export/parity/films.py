"""Films to calibrate and compare on: found, chosen by class and patient, decoded as in a scan."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.labelled_image import LABELS, VALIDATION, patient_of
from cxr_edge.datasets.listing import list_films
from cxr_edge.datasets.patient_split import in_validation, rank
from cxr_edge.errors import DataError, UsageError
from cxr_edge.pipeline.discover import ImageItem, discover
from cxr_edge.pipeline.prepare import Pixels
from cxr_edge.pipeline.scan import prepare_all
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec

SEED: Final = 2021
"""Of every choice among films."""

UNKNOWN: Final = -1
"""In place of a label."""

_AHEAD: Final = 32
_JUDGED_SHARE: Final = 0.3


@dataclass(frozen=True)
class Film:
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
class Films:
    """N decoded films."""

    films: tuple[Film, ...]
    """N."""
    pixels: NDArray[np.uint8]
    """Shape (N, H, W, C)."""
    sha256: tuple[str, ...]
    """Of each file's bytes."""
    unreadable: int = 0
    """Files left out because no runtime would get pixels from them."""

    def __len__(self) -> int:
        return len(self.films)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Shape (N,)."""
        return np.array([film.label for film in self.films], np.int64)

    @property
    def patients(self) -> tuple[str, ...]:
        """N names."""
        return tuple(film.patient for film in self.films)


def list_parity_films(data: Sequence[Path], labels: tuple[str, str] = LABELS) -> list[Film]:
    """List films with what is known of them.

    Parameters
    ----------
    data
        Files, folders and manifests (``.csv``). A film is labelled by the nearest folder above
        it that has a class's name.
    labels
        Class names: negative, positive.

    Raises
    ------
    UsageError
        A path does not exist.
    DataError
        A manifest cannot be read, or there is no film.
    """
    manifests = [path for path in data if path.suffix.lower() == ".csv" and path.is_file()]
    others = [path for path in data if path not in manifests]
    listed = [
        Film(ImageItem(str(film.path), str(film.path)), film.label, film.patient, film.split)
        for path in manifests
        for film in list_films(path)
    ]
    for item in discover(others) if others else ():
        named = [part for part in item.file.absolute().parent.parts if part in labels]
        label = labels.index(named[-1]) if named else UNKNOWN
        listed.append(Film(item, label, patient_of(item.file.name)))
    if not listed:
        raise DataError("expected films to compare on, the folder has none")
    return list({film.item.file.resolve(): film for film in reversed(listed)}.values())[::-1]


def held_out(films: Iterable[Film], spec: ModelSpec) -> list[Film]:
    """Return the films of patients that the model was validated on.

    Raises
    ------
    UsageError
        Neither the model nor a manifest says who they are.
    DataError
        No film is of one of them.
    """
    films, facts = list(films), spec.provenance
    if any(film.split for film in films):
        kept = [film for film in films if film.split == VALIDATION]
    elif facts and facts.split_seed is not None:
        seed, fraction = facts.split_seed, facts.validation_fraction
        kept = [film for film in films if in_validation(film.patient, seed, fraction)]
    else:
        raise UsageError(
            f"--held-out: expected a model that says how its patients were split, {spec.name} does "
            "not; give a manifest with a split, or leave it out"
        )
    if not kept:
        raise DataError("--held-out: no film is of a patient that the model was validated on")
    return kept


def divide(films: Sequence[Film], spec: ModelSpec) -> tuple[list[Film], list[Film]]:
    """Part films by patient into those to calibrate with and those to judge on.

    Where the model says whom it was validated on, these are judged on; else three patients in
    ten of each class, by a hash of seed and patient.
    """
    facts = spec.provenance
    if any(film.split == VALIDATION for film in films) or (
        facts and facts.split_seed is not None and not any(film.split for film in films)
    ):
        judged = held_out(films, spec)
    else:
        drawn = _drawn(films)
        judged = [film for film in films if film.patient in drawn]
    apart = {film.patient for film in judged}
    return [film for film in films if film.patient not in apart], judged


def _drawn(films: Sequence[Film]) -> set[str]:
    """Return the patients of each class that come first by the hash, one at least."""
    drawn: set[str] = set()
    for label in {film.label for film in films}:
        patients = sorted(
            {film.patient for film in films if film.label == label},
            key=lambda patient: rank(patient, SEED),
        )
        drawn.update(patients[: max(1, round(_JUDGED_SHARE * len(patients)))])
    return drawn


def choose(films: Sequence[Film], count: int | None) -> list[Film]:
    """Return at most ``count`` films, as evenly of each class as there are, in a seeded order.

    The classes alternate, so that the first films of the choice are an even choice as well.
    """
    rng = np.random.default_rng(SEED)
    strata: list[list[Film]] = []
    for label in sorted({film.label for film in films}):
        members = [film for film in films if film.label == label]
        strata.append([members[index] for index in rng.permutation(len(members))])
    order = [
        members[turn]
        for turn in range(max(map(len, strata), default=0))
        for members in strata
        if turn < len(members)
    ]
    return order[:count]


def load_parity_films(films: Sequence[Film], spec: InputSpec) -> Films:
    """Decode and preprocess films; those that cannot be read are counted and left out.

    Raises
    ------
    DataError
        None can be read.
    """
    kept: list[Film] = []
    pixels: list[NDArray[np.uint8]] = []
    digests: list[str] = []
    of = {film.item.file: film for film in films}
    for item, prepared in prepare_all((film.item for film in films), spec, ahead=_AHEAD):
        if isinstance(prepared.content, Pixels):
            kept.append(of[item.file])
            pixels.append(prepared.content.pixels)
            digests.append(prepared.sha256)
    unreadable = len(films) - len(kept)
    if not kept:
        raise DataError(
            f"expected films to compare on, none of {unreadable} files could be read"
            if unreadable
            else "expected films to compare on, came none"
        )
    return Films(tuple(kept), np.stack(pixels), tuple(digests), unreadable)


def without(films: Films, digests: Sequence[str]) -> Films:
    """Return the films whose bytes are not among these, whatever they are called.

    Raises
    ------
    DataError
        None is left.
    """
    kept = [index for index, digest in enumerate(films.sha256) if digest not in set(digests)]
    if not kept:
        raise DataError("--calibration: expected films other than those judged on, came the same")
    return Films(
        tuple(films.films[index] for index in kept),
        films.pixels[kept],
        tuple(films.sha256[index] for index in kept),
        films.unreadable,
    )
