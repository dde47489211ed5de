"""A labelled set without its faults: no copies, no patient on two sides, stratified by class."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from cxr_edge.datasets.audit import Read, conflict
from cxr_edge.datasets.duplicates import groups
from cxr_edge.datasets.labelled_image import TEST, TRAIN, VALIDATION, LabelledImage
from cxr_edge.datasets.patient_split import rank


def mend(read: Read, seed: int, fraction: float) -> tuple[list[LabelledImage], Counter[str]]:
    """Return the images of a set without its faults, and what was left out, counted by why.

    Unreadable files and copies of the same bytes are left out, all copies where their labels
    differ. Patients of whom there is one picture, in the same bytes or nearly so, count as one.
    What is marked for test stays there, and images of its patients are left out elsewhere. The rest
    is split anew: of the patients with images of one class, of the other and of both, each in an
    order drawn from the seed, so many are held out that they have ``fraction`` of those images.

    Parameters
    ----------
    read
        What :func:`read_set` gave.
    seed
        Of the order of the patients.
    fraction
        Share of the images to validate on.
    """
    left_out = Counter({"unreadable": len(read.unreadable)})
    drop: set[int] = set()
    for same in read.same_bytes:
        # What is marked for test is what stays.
        first, *others = sorted(same, key=lambda index: read.images[index].split != TEST)
        both = conflict(read.images, same)
        gone = [first, *others] if both else others
        left_out["both labels" if both else "exact duplicate"] += len(gone)
        drop.update(gone)
    names = groups([image.patient for image in read.images], read.twins)
    images = [
        replace(image, patient=name)
        for index, (image, name) in enumerate(zip(read.images, names, strict=True))
        if index not in drop
    ]
    for_test = {image.patient for image in images if image.split == TEST}
    kept = [image for image in images if image.split == TEST or image.patient not in for_test]
    left_out["patient of the test split"] += len(images) - len(kept)
    held_out = _hold_out([image for image in kept if image.split != TEST], seed, fraction)
    result = [
        image
        if image.split == TEST
        else replace(image, split=VALIDATION if image.patient in held_out else TRAIN)
        for image in kept
    ]
    return result, +left_out


def _hold_out(images: Sequence[LabelledImage], seed: int, fraction: float) -> set[str]:
    """Choose patients to validate on, class by class."""
    classes: dict[str, set[int]] = defaultdict(set)
    for image in images:
        classes[image.patient].add(image.label)
    counts = Counter(image.patient for image in images)
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
