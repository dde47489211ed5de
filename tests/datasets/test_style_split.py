"""The split by style, and folds by patient."""

from pathlib import Path

import numpy as np
import pytest
from fakes import CLASSES

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.datasets.style_split import split_by_style
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError

COUNT = 200


def drawn() -> ImageSet:
    """Return 200 images of 100 patients, two of each, one patient after the other."""
    images = tuple(
        LabelledImage(Path(f"{number}.png"), number // 2 % 2, f"patient{number // 2}")
        for number in range(COUNT)
    )
    pixels = np.zeros((COUNT, 4, 4, 1), np.uint8)
    return ImageSet(CLASSES, images, pixels, tuple(f"{number:064}" for number in range(COUNT)))


def styles_of(counter: set[int]) -> Styles:
    marks = np.array([number in counter for number in range(COUNT)])
    return Styles(np.zeros(COUNT, np.int64), np.array([0.5]), marks)


def test_no_patient_of_a_counter_style_image_is_trained_on() -> None:
    """All images of such a patient are held out, and a share of the other patients."""
    images = drawn()
    training, validation = split_by_style(images, styles_of({0, 7}), 1, 0.2)
    assert {"patient0", "patient3"} <= set(validation.patients)
    assert not set(training.patients) & set(validation.patients)
    assert len(training.images) + len(validation.images) == COUNT
    assert 0.1 < len(validation.images) / COUNT < 0.35


def test_a_set_without_counter_style_images_is_refused() -> None:
    """Such a validation would be the split by patient under another name."""
    with pytest.raises(DataError, match="none of 200 does; add such images"):
        split_by_style(drawn(), styles_of(set()), 1, 0.2)


def test_a_side_without_a_class_is_refused() -> None:
    """Where all images of a class are held out there is nothing to learn it from."""
    images = drawn()
    with pytest.raises(DataError, match="train side of the split by style"):
        split_by_style(images, styles_of(set(np.flatnonzero(images.labels == 1))), 1, 0.2)
