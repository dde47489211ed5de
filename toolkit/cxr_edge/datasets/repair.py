"""Repair of a labelled set: no copies, no patient in two splits, stratified by class."""

from collections import Counter
from dataclasses import replace

from cxr_edge.datasets.audit import ReadSet, conflict
from cxr_edge.datasets.duplicates import groups
from cxr_edge.datasets.labelled_image import TEST, TRAIN, VALIDATION, LabelledImage
from cxr_edge.datasets.patient_split import hold_out


def repair(read: ReadSet, seed: int, fraction: float) -> tuple[list[LabelledImage], Counter[str]]:
    """Return the images of a set without its faults, and counts of those left out, by reason.

    Unreadable files and copies of the same bytes are left out; all copies where their labels
    differ. Patients who share an image, in the same bytes or nearly so, count as one patient.
    Images marked for test stay there, and other images of their patients are left out. The rest is
    split anew, as by ``cxr train``: :func:`cxr_edge.datasets.patient_split.hold_out`.

    Parameters
    ----------
    read
        The set, as :func:`cxr_edge.datasets.audit.read_set` returns it.
    seed
        Seed of the order of the patients.
    fraction
        Share of the images to validate on.
    """
    left_out = Counter({"unreadable": len(read.unreadable)})
    drop: set[int] = set()
    for same in read.same_bytes:
        # The one marked for test stays.
        first, *others = sorted(same, key=lambda index: read.images[index].split != TEST)
        both = conflict(read.images, same)
        gone = [first, *others] if both else others
        left_out["both labels" if both else "exact duplicate"] += len(gone)
        drop.update(gone)
    names = groups([image.patient for image in read.images], read.duplicates)
    images = [
        replace(image, patient=name)
        for index, (image, name) in enumerate(zip(read.images, names, strict=True))
        if index not in drop
    ]
    for_test = {image.patient for image in images if image.split == TEST}
    kept = [image for image in images if image.split == TEST or image.patient not in for_test]
    left_out["patient of the test split"] += len(images) - len(kept)
    held_out = hold_out([image for image in kept if image.split != TEST], seed, fraction)
    result = [
        image
        if image.split == TEST
        else replace(image, split=VALIDATION if image.patient in held_out else TRAIN)
        for image in kept
    ]
    return result, +left_out
