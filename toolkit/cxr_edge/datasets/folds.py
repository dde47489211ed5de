"""Folds of the patients, stratified by class."""

from collections import defaultdict

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import TRAIN, VALIDATION
from cxr_edge.datasets.listing import require_both_classes
from cxr_edge.datasets.patient_split import rank


def split_by_fold(images: ImageSet, fold: int, count: int, seed: int) -> tuple[ImageSet, ImageSet]:
    """Split so that one fold of the patients is validated on and the others are trained on.

    Patients with images of the negative class, of the positive class and of both are dealt to the
    folds in turn, in an order drawn from the seed.

    Parameters
    ----------
    images
        Images without a split of their own.
    fold
        The fold, from 1.
    count
        Folds, at least 2.
    seed
        Seed of the order.

    Raises
    ------
    DataError
        A side lacks a class.
    """
    classes: dict[str, set[int]] = defaultdict(set)
    for image in images.images:
        classes[image.patient].add(image.label)
    order = sorted(classes, key=lambda patient: (sorted(classes[patient]), rank(patient, seed)))
    patients = set(order[fold - 1 :: count])
    held_out = [image.patient in patients for image in images.images]
    sides = images.where([not held for held in held_out]), images.where(held_out)
    for name, side in zip((TRAIN, VALIDATION), sides, strict=True):
        where = f"on the {name} side of fold {fold} of {count}"
        require_both_classes(side.images, side.classes, where, "use fewer folds, or add patients")
    return sides
