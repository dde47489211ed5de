"""Changed copies of films."""

from pathlib import Path

import numpy as np
import pytest

from cxr_edge.datasets.image_set import FilmSet, load_films
from cxr_edge.datasets.listing import list_films
from cxr_edge.evaluation.shifts import (
    CLEAN,
    OTHER_CLASS_EXPOSURE,
    PNEUMONIA_EXPOSURE,
    SHIFTS,
    shifted,
)
from cxr_edge.spec.input_spec import InputSpec


@pytest.fixture(scope="module")
def films(class_folders: Path) -> FilmSet:
    return load_films(list_films(class_folders), InputSpec(64, 64, 3))


def test_every_copy_is_named_once_and_only_the_first_is_clean(films: FilmSet) -> None:
    """All of the same shape and type; each but the first differs; they are the same each time."""
    copies = dict(shifted(films))
    assert tuple(copies) == SHIFTS
    for name, pixels in copies.items():
        assert pixels.shape == films.pixels.shape
        assert pixels.dtype == np.uint8
        assert (pixels == films.pixels).all() == (name == CLEAN)
    for name, pixels in shifted(films):
        np.testing.assert_array_equal(pixels, copies[name])


def test_exposure_goes_over_to_the_other_class(films: FilmSet) -> None:
    """Means of the classes change places; the third copy leaves the positives alone."""
    copies = dict(shifted(films))
    normal, ill = films.labels == 0, films.labels == 1
    before = films.pixels.mean(axis=(1, 2, 3))
    after = copies[OTHER_CLASS_EXPOSURE].mean(axis=(1, 2, 3))
    assert after[normal].mean() == pytest.approx(before[ill].mean(), abs=4)
    assert after[ill].mean() == pytest.approx(before[normal].mean(), abs=4)
    mixed = copies[PNEUMONIA_EXPOSURE]
    np.testing.assert_array_equal(mixed[ill], films.pixels[ill])
    np.testing.assert_array_equal(mixed[normal], copies[OTHER_CLASS_EXPOSURE][normal])
