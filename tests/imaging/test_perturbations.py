"""Changes that leave the diagnosis alone."""

from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.imaging.perturbations import (
    mask_border,
    paint_marker,
    paint_out_markers,
    recompress,
    set_exposure,
)


@pytest.fixture(scope="module")
def gray(phantoms: ModuleType) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = phantoms.to_8_bits(phantoms.phantom(1, opacities=0, size=224))
    return pixels


@pytest.mark.parametrize("seed", range(10))
def test_a_marker_is_painted_into_a_corner(seed: int) -> None:
    """Bright, in one corner, and the middle of the image stays free."""
    image = np.full((224, 224), 60, np.uint8)
    painted = paint_marker(image, np.random.default_rng(seed))
    rows, columns = np.nonzero(painted != image)
    assert len(rows) > 10
    assert painted.max() >= 160
    assert (image == 60).all()
    assert rows.max() < 80 or rows.min() > 144
    assert columns.max() < 150 or columns.min() > 74


@pytest.mark.parametrize("seed", range(5))
def test_a_painted_marker_can_be_painted_out(seed: int) -> None:
    """On an even image nothing of it is left."""
    image = np.full((224, 224), 60, np.uint8)
    painted = paint_marker(image, np.random.default_rng(seed))
    assert np.abs(paint_out_markers(painted).astype(int) - image).max() < 40


def test_the_lungs_are_not_painted_out(gray: NDArray[np.uint8]) -> None:
    """Only thin bright marks in the corners go; the middle is untouched."""
    out = paint_out_markers(gray)
    np.testing.assert_array_equal(out[70:154, 70:154], gray[70:154, 70:154])


def test_borders_are_masked(gray: NDArray[np.uint8]) -> None:
    """Top, bottom, left, right, each as deep as it was asked for."""
    masked = mask_border(gray, (0.125, 0.25, 0, 0.5), 7)
    assert (masked[:28] == 7).all()
    assert (masked[168:] == 7).all()
    assert (masked[:, 112:] == 7).all()
    np.testing.assert_array_equal(masked[28:168, :112], gray[28:168, :112])


def test_the_exposure_is_set(gray: NDArray[np.uint8]) -> None:
    """Mean and deviation come out as asked for, where nothing is clipped."""
    changed = set_exposure(gray, 120, 30)
    assert changed.mean() == pytest.approx(120, abs=1)
    assert changed.std() == pytest.approx(30, abs=1)


def test_gamma_below_one_brightens(gray: NDArray[np.uint8]) -> None:
    """An exponent on the scale from 0 to 1."""
    assert set_exposure(gray, 120, 30, 0.5).mean() > set_exposure(gray, 120, 30).mean()


def test_compression_loses_a_little(gray: NDArray[np.uint8]) -> None:
    """The less quality, the more."""
    losses = [np.abs(recompress(gray, q).astype(int) - gray).mean() for q in (95, 30, 5)]
    assert 0 < losses[0] < losses[1] < losses[2] < 20


def test_a_nearly_even_image_can_be_compressed() -> None:
    """JPEG leaves nothing of it, and it stays as it was."""
    image = np.full((64, 64), 100, np.uint8)
    image[0, 0] = 101
    np.testing.assert_array_equal(recompress(image, 30), image)
