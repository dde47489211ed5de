"""Folds of the patients."""

from pathlib import Path

import numpy as np
import pytest
from fakes import CLASSES

from cxr_edge.datasets.folds import split_by_fold
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
    assert sorted(seen, key=lambda image: image.path) == sorted(
        images.images, key=lambda image: image.path
    )


def test_a_fold_of_one_class_is_refused() -> None:
    """The message names the fold and the way out."""
    with pytest.raises(DataError, match=r"side of fold 1 of 9, got .*; use fewer folds"):
        split_by_fold(drawn(8), 1, 9, seed=0)
