"""Folds of the patients, stratified by class."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.patient_split import LEAST, rank
from cxr_edge.errors import DataError


def deal_folds(images: ImageSet, count: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each image, shape (N,), from 1; no patient is in two.

    Patients with images of the negative class, of the positive class and of both are dealt to the
    folds in turn, in an order drawn from the seed.

    Parameters
    ----------
    images
        N images without a split of their own.
    count
        Folds, at least 2.
    seed
        Seed of the order.
    """
    classes: dict[str, set[int]] = defaultdict(set)
    for image in images.images:
        classes[image.patient].add(image.label)
    order = sorted(classes, key=lambda patient: (sorted(classes[patient]), rank(patient, seed)))
    fold_of_patient = {patient: place % count + 1 for place, patient in enumerate(order)}
    return np.array([fold_of_patient[patient] for patient in images.patients], np.int64)


def folds_of(images: ImageSet, count: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each image as :func:`deal_folds`, each with enough images of a class.

    Parameters
    ----------
    images
        N images without a split of their own.
    count
        Folds, at least 2.
    seed
        Seed of the order.

    Raises
    ------
    DataError
        A fold has fewer images of a class than figures need; all folds are looked at.
    """
    folds = deal_folds(images, count, seed)
    for fold in range(1, count + 1):
        for label, name in enumerate(images.classes):
            got = int(((folds == fold) & (images.labels == label)).sum())
            if got < LEAST:
                raise DataError(
                    f"expected at least {LEAST} images of {name} in every fold, got {got} in fold "
                    f"{fold} of {count}; use fewer folds, or add patients with such images"
                )
    return folds


def split_by_fold(images: ImageSet, fold: int, count: int, seed: int) -> tuple[ImageSet, ImageSet]:
    """Split so that one fold of the patients is validated on and the others are trained on.

    Parameters
    ----------
    images, count, seed
        As for :func:`folds_of`.
    fold
        The fold, from 1.

    Raises
    ------
    DataError
        As :func:`folds_of`.
    """
    held_out = (folds_of(images, count, seed) == fold).tolist()
    return images.where([not held for held in held_out]), images.where(held_out)
