"""A labelled set without its faults: no copies, no patient on two sides, stratified by class."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from cxr_edge.datasets.audit import Read, conflict
from cxr_edge.datasets.duplicates import groups
from cxr_edge.datasets.labelled_image import TEST, TRAIN, VALIDATION, LabelledFilm
from cxr_edge.datasets.patient_split import rank


def mend(read: Read, seed: int, fraction: float) -> tuple[list[LabelledFilm], Counter[str]]:
    """Return the films of a set without its faults, and what was left out, counted by why.

    Unreadable files and copies of the same bytes are left out, all copies where their labels
    differ. Patients of whom there is one picture, in the same bytes or nearly so, count as one.
    What is marked for test stays there, and films of its patients are left out elsewhere. The rest
    is split anew: of the patients with films of one class, of the other and of both, each in an
    order drawn from the seed, so many are held out that they have ``fraction`` of those films.

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
        # What is marked for test is what stays.
        first, *others = sorted(same, key=lambda index: read.films[index].split != TEST)
        both = conflict(read.films, same)
        gone = [first, *others] if both else others
        left_out["both labels" if both else "exact duplicate"] += len(gone)
        drop.update(gone)
    names = groups([film.patient for film in read.films], read.twins)
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
