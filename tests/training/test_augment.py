"""Random changes that leave the label alone."""

from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.training.augment import PRESETS, Robust, Study2021, keras_affine

OFF = Robust(move=0, flip=0, expose=0, degrade=0, unmark=0, mark=0, erase=0)


@pytest.fixture(scope="module")
def image(phantoms: ModuleType) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = phantoms.to_8_bits(phantoms.phantom(1, opacities=2, size=64))
    return pixels[:, :, np.newaxis]


def test_switched_off_nothing_changes(image: NDArray[np.uint8]) -> None:
    """Every kind of change has a probability, and zero turns it off."""
    np.testing.assert_array_equal(OFF(image, np.random.default_rng(0)), image)


@pytest.mark.parametrize("name", ["move", "flip", "expose", "degrade", "mark", "erase"])
def test_each_kind_changes_something(image: NDArray[np.uint8], name: str) -> None:
    """No kind is without effect."""
    augmentation = Robust(**{**vars(OFF), name: 1.0})
    changed = [augmentation(image, np.random.default_rng(seed)) for seed in range(5)]
    assert all((one != image).any() for one in changed)


@pytest.mark.parametrize(
    ("kind", "name", "still"),
    [
        ("move", "rotation", 0), ("move", "shift", 0),
        ("expose", "mean", (90, 90)), ("expose", "deviation", (50, 50)), ("expose", "gamma", 0),
        ("degrade", "quality", (50, 51)), ("degrade", "blur", 0), ("degrade", "noise", 0),
        ("erase", "border", 0), ("erase", "frame", 1),
    ],
)  # fmt: skip
def test_each_range_matters(image: NDArray[np.uint8], kind: str, name: str, still: Any) -> None:
    """No setting is without effect."""
    on = {**vars(OFF), kind: 1.0}
    for seed in range(20):
        one = Robust(**on)(image, np.random.default_rng(seed))
        other = Robust(**{**on, name: still})(image, np.random.default_rng(seed))
        if (one != other).any():
            return
    pytest.fail(f"{name} changed nothing in twenty images")


def test_a_move_leaves_the_scale() -> None:
    """Random crops draw it already: two points stay as far apart as they were."""
    dots = np.zeros((128, 128, 1), np.uint8)
    for column in (44, 84):
        dots[60:68, column - 4 : column + 4] = 255
    augmentation = Robust(**{**vars(OFF), "move": 1.0})
    for seed in range(20):
        moved = augmentation(dots, np.random.default_rng(seed))[:, :, 0]
        _, _, _, centers = cv2.connectedComponentsWithStats((moved > 99).astype(np.uint8))
        assert len(centers) == 3  # the first is the background
        assert abs(np.linalg.norm(centers[1] - centers[2]) - 40) < 0.5


def test_side_letters_are_painted_out(image: NDArray[np.uint8]) -> None:
    """An image with a letter in its corner and the same image without come out nearly alike."""
    marked = image.copy()
    marked[4:8, 4:5] = 255
    augmentation = Robust(**{**vars(OFF), "unmark": 1.0})
    without, painted = (augmentation(one, np.random.default_rng(0)) for one in (image, marked))
    assert np.abs(painted.astype(int) - without).max() < 40


def test_a_frame_is_as_deep_on_all_sides(image: NDArray[np.uint8]) -> None:
    """With the frame switched on, each border that is painted over has the same depth."""
    augmentation = Robust(**{**vars(OFF), "erase": 1.0, "frame": 1.0})
    white = np.full_like(image, 255)
    for seed in range(20):
        erased = augmentation(white, np.random.default_rng(seed))[:, :, 0] != 255
        rows, columns = erased[:, 32], erased[32]  # the middle, past the corner
        depths = {int(line.argmin()) for line in (rows, rows[::-1], columns, columns[::-1])}
        assert len(depths) == 1, depths


def test_a_flip_is_a_mirror_image(image: NDArray[np.uint8]) -> None:
    """Left and right change places, nothing else."""
    for preset in (Robust(**{**vars(OFF), "flip": 1.0}), Study2021(shear=0, zoom=0, flip=1)):
        np.testing.assert_array_equal(preset(image, np.random.default_rng(0)), image[:, ::-1])


def test_the_exposure_tells_nothing_any_more(image: NDArray[np.uint8]) -> None:
    """A dark and a bright copy of one image come out alike."""
    augmentation = Robust(**{**vars(OFF), "expose": 1.0})
    dark = (image * 0.6).astype(np.uint8)
    bright = (image * 0.6 + 80).astype(np.uint8)
    one, other = (augmentation(copy, np.random.default_rng(3)) for copy in (dark, bright))
    assert np.abs(one.astype(int) - other).max() <= 2


def test_study_2021_is_keras_generator(image: NDArray[np.uint8]) -> None:
    """Shear and zoom move every pixel where Keras' own function moves it."""
    legacy = pytest.importorskip("keras.src.legacy.preprocessing.image")
    pytest.importorskip("scipy")
    for shear, zoom_x, zoom_y in [(0.2, 1, 1), (-5, 0.8, 1.2), (10, 1.1, 0.9)]:
        expected = legacy.apply_affine_transform(
            image.astype(np.float32), shear=shear, zx=zoom_x, zy=zoom_y, row_axis=0, col_axis=1,
            channel_axis=2, fill_mode="nearest", order=1,
        )[:, :, 0]  # fmt: skip
        ours = keras_affine(image[:, :, 0], np.deg2rad(shear), zoom_x, zoom_y)
        # OpenCV places pixels on a grid of 1/32; Keras does not round.
        assert np.abs(ours - expected).mean() < 1


@pytest.mark.parametrize("name", PRESETS)
def test_the_same_seed_gives_the_same_image(image: NDArray[np.uint8], name: str) -> None:
    """A run can be repeated."""
    one, other = (PRESETS[name](image, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", PRESETS)
def test_shape_and_type_stay_and_the_image_too(image: NDArray[np.uint8], name: str) -> None:
    """uint8 (H, W, C) for one channel and three; the original is not touched."""
    for channels in (1, 3):
        original = np.repeat(image, channels, axis=2)
        before = original.copy()
        for seed in range(20):
            changed = PRESETS[name](original, np.random.default_rng(seed))
            assert changed.dtype == np.uint8
            assert changed.shape == original.shape
            assert (changed == changed[:, :, :1]).all()
        np.testing.assert_array_equal(original, before)
