"""Random changes that leave the label alone."""

from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.training.augment import Augmentation

STILL = Augmentation(
    move=1, rotation=0, zoom=0, shift=0, shear=0, flip=0, expose=1, gamma=0, contrast=0,
    brightness=0, degrade=1, blur=0, noise=0, erase=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def film(phantoms: ModuleType) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = phantoms.to_8_bits(phantoms.phantom(1, opacities=2, size=64))
    return pixels[:, :, np.newaxis]


def test_without_ranges_nothing_changes(film: NDArray[np.uint8]) -> None:
    """Every change has a range, and zero turns it off."""
    np.testing.assert_array_equal(STILL(film, np.random.default_rng(0)), film)


@pytest.mark.parametrize("name", sorted(vars(STILL).keys() - {"move", "expose", "degrade"}))
def test_each_range_changes_something(film: NDArray[np.uint8], name: str) -> None:
    """No setting is without effect."""
    value = 1.0 if name in {"flip", "erase"} else getattr(Augmentation(), name)
    augmentation = Augmentation(**{**vars(STILL), name: value})
    changed = [augmentation(film, np.random.default_rng(seed)) for seed in range(5)]
    assert any((one != film).any() for one in changed)


def test_a_flip_is_a_mirror_image(film: NDArray[np.uint8]) -> None:
    """Left and right change places, nothing else."""
    flipped = Augmentation(**{**vars(STILL), "flip": 1.0})(film, np.random.default_rng(0))
    np.testing.assert_array_equal(flipped, film[:, ::-1])


def test_the_same_seed_gives_the_same_film(film: NDArray[np.uint8]) -> None:
    """A run can be repeated."""
    one, other = (Augmentation()(film, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_shape_and_type_stay_and_the_film_too(film: NDArray[np.uint8]) -> None:
    """uint8 (H, W, C) for one channel and three; the original is not touched."""
    for channels in (1, 3):
        original = np.repeat(film, channels, axis=2)
        before = original.copy()
        changed = Augmentation(erase=1)(original, np.random.default_rng(1))
        assert changed.dtype == np.uint8
        assert changed.shape == original.shape
        assert (changed == changed[:, :, :1]).all()
        np.testing.assert_array_equal(original, before)
