"""What is wrong with a labelled set before a network learns from it, and a set without."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.data.duplicates import groups, near_duplicates
from cxr_edge.data.films import LABELS, TEST, TRAIN, VALIDATION, LabelledFilm, list_films
from cxr_edge.data.filmset import rank
from cxr_edge.errors import DataError, ImageError
from cxr_edge.machine import usable_cpus
from cxr_edge.metrics import wilson
from cxr_edge.prepare import Prepared, prepare
from cxr_edge.spec import InputSpec

FEW: Final = 100
"""Fewer validation films of a class are too few to choose by."""

_THUMBNAIL: Final = InputSpec(64, 64)


@dataclass(frozen=True)
class SplitFacts:
    """One split of a set."""

    films: dict[str, int]
    """Class name to count of readable films."""
    patients: int
    """Count."""

    @property
    def prevalence(self) -> float:
        """Share of the positive class."""
        return self.films[LABELS[1]] / max(1, sum(self.films.values()))


@dataclass(frozen=True)
class Audit:
    """What was found; paths as they were listed."""

    splits: dict[str, SplitFacts]
    """By name; the name is empty where the set has no splits."""
    patients_across: dict[str, tuple[str, ...]]
    """Patient to the splits that share it, where there are several."""
    patients_with_several: int
    """Patients with more than one film."""
    most_films: int
    """Of one patient."""
    exact_duplicates: tuple[tuple[str, ...], ...]
    """Groups of files with the same bytes."""
    conflicting: tuple[tuple[str, ...], ...]
    """Those of them that have different labels."""
    near_duplicates: tuple[tuple[str, str], ...]
    """Pairs of files with the same picture in other bytes."""
    duplicates_across: int
    """Groups and pairs of duplicates, exact and near, that lie in several splits or, where there
    are none, belong to several patients."""
    unreadable: dict[str, str]
    """Path to reason."""
    widths: tuple[int, int, int]
    """Least, median and largest, pixels."""
    heights: tuple[int, int, int]
    """Least, median and largest, pixels."""
    formats: dict[str, int]
    """File format to count."""
    flags: dict[str, int]
    """Warning about a file, of the report's closed list, to count."""

    def warnings(self) -> list[str]:
        """Return what ought to be mended, one sentence each."""
        found = []
        if self.patients_across:
            found.append(f"{len(self.patients_across)} patients are on several sides of the split")
        if self.exact_duplicates:
            files = sum(len(group) for group in self.exact_duplicates)
            found.append(
                f"{files} files are {len(self.exact_duplicates)} films under several names"
            )
        if self.conflicting:
            found.append(f"{len(self.conflicting)} films stand under both labels")
        if self.near_duplicates:
            found.append(f"{len(self.near_duplicates)} pairs of files show nearly the same picture")
        if self.unreadable:
            found.append(f"{len(self.unreadable)} files cannot be read")
        if self.patients_with_several and list(self.splits) == [""]:
            found.append(
                f"{self.patients_with_several} patients have several films, up to "
                f"{self.most_films}: a split by film would put them on both sides"
            )
        validation = self.splits.get(VALIDATION)
        fewest = min(validation.films.values()) if validation else FEW
        if fewest < FEW:
            width = wilson(fewest, fewest)
            found.append(
                f"the validation split has {fewest} films of a class, too few to choose by: "
                f"{fewest} right of {fewest} still leave {width.low:.2f} possible"
            )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON-ready data."""
        data = asdict(self)
        for name, split in self.splits.items():
            data["splits"][name]["prevalence"] = split.prevalence
        return {"audit_version": 1, **data, "warnings": self.warnings()}


@dataclass(frozen=True)
class Read:
    """The films of a set that can be read, and what they showed."""

    films: tuple[LabelledFilm, ...]
    """N films."""
    prepared: tuple[Prepared, ...]
    """N thumbnails with their digests and sources."""
    linked: tuple[tuple[int, int], ...]
    """Pairs of near duplicates, by index."""
    unreadable: dict[str, str]
    """Path to reason of the others."""

    @property
    def same_bytes(self) -> list[list[int]]:
        """Groups of indices of files with the same bytes."""
        by_digest: dict[str, list[int]] = defaultdict(list)
        for index, prepared in enumerate(self.prepared):
            by_digest[prepared.sha256].append(index)
        return [group for group in by_digest.values() if len(group) > 1]


def read_set(data: Path) -> Read:
    """Read every film of a labelled set.

    Raises
    ------
    UsageError, DataError
        As :func:`cxr_edge.data.films.list_films`; or no film can be read.
    """
    listed = list_films(data)
    films, kept, unreadable = [], [], {}
    with ThreadPoolExecutor(usable_cpus()) as pool:
        prepared = pool.map(lambda film: prepare(film.path, _THUMBNAIL), listed)
        for film, result in zip(listed, prepared, strict=True):
            if isinstance(result.content, ImageError):
                unreadable[str(film.path)] = result.content.reason
            else:
                films.append(film)
                kept.append(result)
    if not films:
        raise DataError(f"{data}: expected readable films, none of {len(listed)} is")
    thumbnails = np.stack([_pixels(result) for result in kept])
    linked = [
        (one, other)
        for one, other in near_duplicates(thumbnails)
        if kept[one].sha256 != kept[other].sha256
    ]
    return Read(tuple(films), tuple(kept), tuple(linked), unreadable)


def audit(read: Read) -> Audit:
    """Look at a set that :func:`read_set` has read."""
    films = read.films
    sides: dict[str, set[str]] = defaultdict(set)
    for film in films:
        sides[film.patient].add(film.split)
    counts = Counter(film.patient for film in films)
    names = [str(film.path) for film in films]
    same = read.same_bytes
    side = [film.split or film.patient for film in films]
    across = sum(len({side[index] for index in group}) > 1 for group in [*same, *read.linked])
    sources = [content.source for content in (p.content for p in read.prepared)
               if not isinstance(content, ImageError)]  # fmt: skip
    return Audit(
        splits={
            split: _split_facts([film for film in films if film.split == split])
            for split in sorted({film.split for film in films})
        },
        patients_across={
            patient: tuple(sorted(found)) for patient, found in sides.items() if len(found) > 1
        },
        patients_with_several=sum(count > 1 for count in counts.values()),
        most_films=max(counts.values()),
        exact_duplicates=tuple(tuple(names[index] for index in group) for group in same),
        conflicting=tuple(
            tuple(names[index] for index in group) for group in same if _conflict(films, group)
        ),
        near_duplicates=tuple((names[one], names[other]) for one, other in read.linked),
        duplicates_across=across,
        unreadable=read.unreadable,
        widths=_spread([source.width for source in sources]),
        heights=_spread([source.height for source in sources]),
        formats=dict(Counter(source.format for source in sources).most_common()),
        flags=dict(Counter(flag for source in sources for flag in source.flags).most_common()),
    )


def mend(read: Read, seed: int, fraction: float) -> tuple[list[LabelledFilm], Counter[str]]:
    """Return the films of a set without its faults, and what was left out, counted by why.

    Unreadable files and copies of the same bytes are left out, all copies where their labels
    differ. Near duplicates count as one patient. What is marked for test stays there, and films
    of its patients are left out elsewhere. The rest is split anew: of the patients with films of
    one class, of the other and of both, each in an order drawn from the seed, so many are held
    out that they have ``fraction`` of those films.

    Parameters
    ----------
    read
        What :func:`read_set` gave.
    seed
        Of the order of the patients.
    fraction
        Share of the films to validate on.
    """
    left_out = Counter({"unreadable": len(read.unreadable)})
    drop: set[int] = set()
    for same in read.same_bytes:
        conflict = _conflict(read.films, same)
        gone = same if conflict else same[1:]
        left_out["both labels" if conflict else "exact duplicate"] += len(gone)
        drop.update(gone)
    names = groups([film.patient for film in read.films], read.linked)
    films = [
        replace(film, patient=name)
        for index, (film, name) in enumerate(zip(read.films, names, strict=True))
        if index not in drop
    ]
    for_test = {film.patient for film in films if film.split == TEST}
    kept = [film for film in films if film.split == TEST or film.patient not in for_test]
    left_out["patient of the test split"] += len(films) - len(kept)
    held_out = _hold_out([film for film in kept if film.split != TEST], seed, fraction)
    result = [
        film
        if film.split == TEST
        else replace(film, split=VALIDATION if film.patient in held_out else TRAIN)
        for film in kept
    ]
    return result, +left_out


def _hold_out(films: Sequence[LabelledFilm], seed: int, fraction: float) -> set[str]:
    """Choose patients to validate on, class by class."""
    classes: dict[str, set[int]] = defaultdict(set)
    for film in films:
        classes[film.patient].add(film.label)
    counts = Counter(film.patient for film in films)
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


def _split_facts(films: Sequence[LabelledFilm]) -> SplitFacts:
    counts = Counter(LABELS[film.label] for film in films)
    return SplitFacts(
        {name: counts[name] for name in LABELS}, len({film.patient for film in films})
    )


def _conflict(films: Sequence[LabelledFilm], group: Sequence[int]) -> bool:
    return len({films[index].label for index in group}) > 1


def _pixels(prepared: Prepared) -> NDArray[np.uint8]:
    assert not isinstance(prepared.content, ImageError)  # only readable films come here
    return prepared.content.pixels[:, :, 0]


def _spread(values: Sequence[int]) -> tuple[int, int, int]:
    return min(values), int(np.median(values)), max(values)
