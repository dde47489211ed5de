"""Crops and renderings that come before the augmentation."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.errors import UsageError
from cxr_edge.training.augment import PRESETS
from cxr_edge.training.config import FitConfig
from cxr_edge.training.variation import RandomResizedCrop, StyleMixing, augmentation_of


def ramp(channels: int = 1) -> NDArray[np.uint8]:
    """Return an image whose gray level is its column, but for a little noise."""
    noise = np.random.default_rng(0).integers(0, 5, (96, 96))
    gray = (np.arange(96)[np.newaxis, :] * 2 + 30 + noise).astype(np.uint8)
    return np.repeat(gray[:, :, np.newaxis], channels, axis=2)


def test_without_options_the_preset_alone_is_applied() -> None:
    """Runs of earlier versions learn from the same images as before."""
    image = ramp()
    ours = augmentation_of(FitConfig())(image, np.random.default_rng(5))
    assert (ours == PRESETS["robust"](image, np.random.default_rng(5))).all()


@pytest.mark.parametrize("area", [0.3, 0.8])
def test_a_crop_keeps_no_less_than_its_area(area: float) -> None:
    """On a ramp, the gray levels of a crop tell its width; it is never below the least."""
    narrowest = 96 * np.sqrt(area * 3 / 4)
    crop, widths = RandomResizedCrop(area), []
    for seed in range(60):
        found = crop(ramp(), np.random.default_rng(seed))
        assert found.shape == (96, 96, 1)
        levels = np.median(found[:, :, 0], axis=0).astype(float)
        widths.append((levels.max() - levels.min()) / 2)
    assert min(widths) > narrowest - 4
    assert max(widths) > 90  # some stay whole
    assert min(widths) < 90


@pytest.mark.parametrize("channels", [1, 3])
def test_style_mixing_changes_the_rendering_and_keeps_the_image(channels: int) -> None:
    """Every kind of change keeps shape, type and equal channels, and the picture recognizable."""
    mix, image = StyleMixing(1.0), ramp(channels)
    for seed in range(40):
        found = mix(image, np.random.default_rng(seed))
        assert found.shape == image.shape
        assert found.dtype == np.uint8
        assert (found == found[:, :, :1]).all()
        assert (found != image).any()


def test_probability_zero_changes_nothing() -> None:
    """The option at zero is off."""
    image = ramp()
    assert StyleMixing(0.0)(image, np.random.default_rng(0)) is image


def test_same_generator_same_images() -> None:
    """A run with the same seed learns from the same images."""
    augment = augmentation_of(FitConfig(crop_area=0.35, style_mixing=0.5))
    one, other = (augment(ramp(), np.random.default_rng(3)) for _ in range(2))
    assert (one == other).all()


@pytest.mark.parametrize(("option", "value"), [("crop_area", 0.0), ("style_mixing", 1.1)])
def test_values_outside_the_range_are_refused(option: str, value: float) -> None:
    """The message names the option as it is typed."""
    with pytest.raises(UsageError, match=f"--{option.replace('_', '-')}: expected"):
        FitConfig(**{option: value})
