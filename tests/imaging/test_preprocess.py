"""Images to the model's input."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.imaging.image import GrayImage, SourceFacts
from cxr_edge.imaging.preprocess import preprocess
from cxr_edge.spec.input_spec import InputSpec


def decoded(pixels: NDArray[np.generic]) -> GrayImage:
    height, width = pixels.shape
    return GrayImage(pixels.astype(np.uint8), SourceFacts(width, height, "png"))


def gray(pixels: NDArray[np.generic], height: int, width: int) -> NDArray[np.uint8]:
    return preprocess(decoded(pixels), InputSpec(height, width))[:, :, 0]


NOISE = np.random.default_rng(0).integers(0, 256, (24, 36), np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(24, 36), (7, 5), (60, 80), (7, 80), (60, 5)])
def test_the_model_gets_the_shape_it_asks_for(height: int, width: int, channels: int) -> None:
    """Any image becomes uint8 of (height, width, channels)."""
    pixels = preprocess(decoded(NOISE), InputSpec(height, width, channels))
    assert pixels.shape == (height, width, channels)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("times", [2, 3])
def test_shrinking_averages_areas(times: int) -> None:
    """Each pixel is the mean of the block it replaces, to the nearest gray value."""
    height, width = 24 // times, 36 // times
    means = NOISE.reshape(height, times, width, times).mean(axis=(1, 3))
    difference = np.abs(gray(NOISE, height, width) - means)
    assert difference.max() <= 0.5 + 1e-5


def test_a_block_of_four_is_its_mean() -> None:
    """Halving is exact where the mean is a whole number."""
    blocks = np.array([[0, 4, 100, 102], [8, 0, 104, 106], [255, 255, 1, 1], [255, 255, 1, 1]])
    assert gray(blocks, 2, 2).tolist() == [[3, 103], [255, 1]]


def test_the_same_size_changes_nothing() -> None:
    """An image of the model's size passes as it is."""
    np.testing.assert_array_equal(gray(NOISE, 24, 36), NOISE)


def test_enlarging_is_bilinear() -> None:
    """Between two pixels lies their weighted mean, beyond the outermost centers nothing new."""
    row = np.array([[0, 200]] * 2)
    assert gray(row, 2, 4).tolist() == [[0, 50, 150, 200]] * 2


@pytest.mark.parametrize("turned", [False, True])
def test_each_axis_is_treated_by_itself(turned: bool) -> None:
    """Where one axis grows the other is still averaged, not sampled."""
    rows = np.repeat(np.array([[0], [100], [40], [240]]), 2, axis=1)  # 4 rows, 2 equal columns
    expected = np.repeat(np.array([[50], [140]]), 6, axis=1)
    if turned:
        np.testing.assert_array_equal(gray(rows.T, 6, 2), expected.T)
    else:
        np.testing.assert_array_equal(gray(rows, 2, 6), expected)


def test_fine_stripes_average_to_gray() -> None:
    """A pattern finer than the model's pixels cannot turn into moire."""
    stripes = np.tile(np.array([0, 200], np.uint8), (90, 45))
    assert np.unique(gray(stripes, 30, 15)).tolist() == [100]


def test_channels_are_copies_of_gray() -> None:
    """A model for color gets three times the same."""
    pixels = preprocess(decoded(NOISE), InputSpec(10, 10, 3))
    for channel in (1, 2):
        np.testing.assert_array_equal(pixels[:, :, channel], pixels[:, :, 0])


@pytest.mark.parametrize(("height", "width"), [(24, 36), (50, 60), (9, 9), (9, 60)])
@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_stay(level: int, height: int, width: int) -> None:
    """No rounding loses the ends of the scale."""
    pixels = gray(np.full((24, 36), level), height, width)
    assert np.unique(pixels).tolist() == [level]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [24, 12, 48])
def test_the_result_is_a_fresh_array(side: int, channels: int) -> None:
    """Writing into the model's input leaves the image alone."""
    image = decoded(NOISE[:, :24])
    before = image.pixels.copy()
    preprocess(image, InputSpec(side, side, channels))[:] = 7
    np.testing.assert_array_equal(image.pixels, before)


def test_images_that_are_views_are_welcome() -> None:
    """A turned or cropped array gives what its copy gives."""
    view = NOISE[::-1, 3:30].T
    assert not view.flags.c_contiguous
    np.testing.assert_array_equal(gray(view, 8, 9), gray(view.copy(), 8, 9))
