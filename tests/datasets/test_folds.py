"""Folds of the patients."""

from pathlib import Path

import numpy as np
import pytest
from fakes import CLASSES

from cxr_edge.datasets.folds import folds_of, split_by_fold
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.errors import DataError


def drawn(count: int) -> ImageSet:
    """Return images of patients with two images each; the patients' classes alternate."""
    images = tuple(
        LabelledImage(Path(f"{number}.png"), number // 2 % 2, f"patient{number // 2}")
        for number in range(count)
    )
    digests = tuple(f"{number:064}" for number in range(count))
    return ImageSet(CLASSES, images, np.zeros((count, 4, 4, 1), np.uint8), digests)


def test_every_patient_is_held_out_once() -> None:
    """The validation sides of all folds are the whole set, and no patient is on both sides."""
    images, seen = drawn(200), []
    for fold in range(1, 6):
        training, validation = split_by_fold(images, fold, 5, seed=3)
        assert not set(training.patients) & set(validation.patients)
        seen += validation.images
    folds = folds_of(images, 5, seed=3)
    assert [image.path for image in seen] == [
        image.path for fold in range(1, 6) for image in images.where(list(folds == fold)).images
    ]
    assert sorted(seen, key=lambda image: image.path) == sorted(
        images.images, key=lambda image: image.path
    )


def test_a_fold_without_enough_images_of_a_class_is_refused() -> None:
    """The message names class, fold and the way out, whichever fold is asked for."""
    message = (
        r"at least 10 images of PNEUMONIA in every fold, got 8 in fold 1 of 3; use fewer folds"
    )
    for fold in (1, 2, 3):
        with pytest.raises(DataError, match=message):
            split_by_fold(drawn(54), fold, 3, seed=0)
