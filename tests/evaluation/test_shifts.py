"""Changed copies of images."""

from pathlib import Path

import numpy as np
import pytest
from copies import COPIES
from fakes import CLASSES

from cxr_edge.datasets.image_set import ImageSet, load_images
from cxr_edge.datasets.listing import list_images
from cxr_edge.evaluation.shifts import (
    CLEAN,
    OTHER_CLASS_EXPOSURE,
    POSITIVE_EXPOSURE,
    shifted,
)
from cxr_edge.spec.input_spec import InputSpec


@pytest.fixture(scope="module")
def images(class_folders: Path) -> ImageSet:
    return load_images(list_images(class_folders, CLASSES), CLASSES, InputSpec(64, 64, 3))


def test_every_copy_is_named_once_and_only_the_first_is_clean(images: ImageSet) -> None:
    """All of the same shape and type; each but the first differs; they are the same each time."""
    copies = dict(shifted(images))
    assert tuple(copies) == COPIES
    for name, pixels in copies.items():
        assert pixels.shape == images.pixels.shape
        assert pixels.dtype == np.uint8
        assert (pixels == images.pixels).all() == (name == CLEAN)
    for name, pixels in shifted(images):
        np.testing.assert_array_equal(pixels, copies[name])


def test_exposure_goes_over_to_the_other_class(images: ImageSet) -> None:
    """Means of the classes change places; the third copy leaves the positives alone."""
    copies = dict(shifted(images))
    normal, ill = images.labels == 0, images.labels == 1
    before = images.pixels.mean(axis=(1, 2, 3))
    after = copies[OTHER_CLASS_EXPOSURE].mean(axis=(1, 2, 3))
    assert after[normal].mean() == pytest.approx(before[ill].mean(), abs=4)
    assert after[ill].mean() == pytest.approx(before[normal].mean(), abs=4)
    mixed = copies[POSITIVE_EXPOSURE]
    np.testing.assert_array_equal(mixed[ill], images.pixels[ill])
    np.testing.assert_array_equal(mixed[normal], copies[OTHER_CLASS_EXPOSURE][normal])
