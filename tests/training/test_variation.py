"""Crops and renderings that come before the augmentation."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.errors import UsageError
from cxr_edge.imaging.preprocess import stretch
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.training.augment import PRESETS
from cxr_edge.training.config import FitConfig
from cxr_edge.training.pool import Pool
from cxr_edge.training.variation import (
    RandomResizedCrop,
    StyleMixing,
    StyleTransfer,
    augmentation_of,
)


def ramp(channels: int = 1) -> NDArray[np.uint8]:
    """Return an image whose gray level is its column, but for a little noise."""
    noise = np.random.default_rng(0).integers(0, 5, (96, 96))
    gray = (np.arange(96)[np.newaxis, :] * 2 + 30 + noise).astype(np.uint8)
    return np.repeat(gray[:, :, np.newaxis], channels, axis=2)


def dull(level: int) -> NDArray[np.uint8]:
    """Return a soft image of low contrast around a gray level."""
    waves = np.sin(np.arange(96) / 9)
    gray = level + 12 * (waves[:, np.newaxis] + waves[np.newaxis, :])
    return gray.astype(np.uint8)[:, :, np.newaxis]


POOL = Pool.of(np.stack([dull(100), dull(100), dull(180)]), np.array([0, 0, 1]))
"""Two dark images of one class, and a bright one of the other."""


def test_without_options_the_preset_alone_is_applied() -> None:
    """Runs of earlier versions learn from the same images as before."""
    image = ramp()
    ours = augmentation_of(FitConfig(), POOL)(image, np.random.default_rng(5))
    assert (ours == PRESETS["robust"](image, np.random.default_rng(5))).all()


@pytest.mark.parametrize("area", [0.3, 0.8])
def test_a_crop_keeps_no_less_than_its_area(area: float) -> None:
    """On a ramp, the gray levels of a crop tell its width; it is never below the least."""
    narrowest = 96 * np.sqrt(area * 3 / 4)
    crop, widths = RandomResizedCrop(area, InputSpec(96, 96)), []
    for seed in range(60):
        found = crop(ramp(), np.random.default_rng(seed))
        assert found.shape == (96, 96, 1)
        levels = np.median(found[:, :, 0], axis=0).astype(float)
        widths.append((levels.max() - levels.min()) / 2)
    assert min(widths) > narrowest - 4
    assert max(widths) > 90  # some stay whole
    assert min(widths) < 90


def test_the_smallest_crop_has_the_pixels_of_the_network() -> None:
    """The training images are as much larger as the crops are smaller; without crops they are not.

    An input can have no more than 4096 pixels a side, however small the crops are.
    """
    config = FitConfig(input=InputSpec(128, 128, 3), crop_area=0.35)
    assert config.training_input == InputSpec(217, 217, 3)
    assert 216 * np.sqrt(0.35) < 128 <= 217 * np.sqrt(0.35)
    assert FitConfig(input=InputSpec(128, 96)).training_input == InputSpec(128, 96)
    wide = FitConfig(input=InputSpec(1024, 1024), crop_area=0.05)
    assert wide.training_input == InputSpec(4096, 4096)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_crop_keeps_the_detail_of_a_larger_image(channels: int) -> None:
    """Lines of one pixel are gray in the whole image, and lines in the smallest crops of it."""
    spec = InputSpec(64, 64, channels)
    side = FitConfig(input=spec, crop_area=0.25).training_input.height
    assert side == 128
    lines = np.tile(np.array([[0], [240]], np.uint8), (side // 2, side))
    stored = np.repeat(lines[:, :, np.newaxis], channels, axis=2)
    crop = RandomResizedCrop(0.25, spec)
    found = [crop(stored, np.random.default_rng(seed)) for seed in range(60)]
    assert {image.shape for image in found} == {spec.shape}
    assert any((image == stretch(lines, spec)).all() for image in found)  # a whole one, as scanned
    assert stretch(lines, spec).std() == 0
    assert max(image.std() for image in found) > 60


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


@pytest.mark.parametrize("channels", [1, 3])
def test_style_transfer_gives_the_gray_levels_and_the_sharpness_of_another_image(
    channels: int,
) -> None:
    """The structure stays where it was; noise goes where the other image has none; either class
    lends its rendering half of the time, however rare it is."""
    noisy, spec = ramp(channels), InputSpec(96, 96, channels)
    change = StyleTransfer(1.0, POOL, spec, share=(1.0, 1.0))
    levels = []
    for seed in range(60):
        found = change(noisy, np.random.default_rng(seed))
        assert found.shape == noisy.shape
        assert found.dtype == np.uint8
        assert (found == found[:, :, :1]).all()
        across = found[:, :, 0].astype(float).mean(axis=0)
        assert np.corrcoef(across, np.arange(96))[0, 1] > 0.95
        assert abs(np.diff(found[:, :, 0].astype(float), axis=0)).mean() < 0.7
        levels.append(found.mean())
    assert abs(np.diff(noisy[:, :, 0].astype(float), axis=0)).mean() > 1.5
    bright = np.array(levels) > 140
    assert 0.3 < bright.mean() < 0.7
    assert abs(np.array(levels)[bright] - 180).max() < 10
    assert abs(np.array(levels)[~bright] - 100).max() < 10


def test_probability_zero_changes_nothing() -> None:
    """The option at zero is off."""
    image = ramp()
    assert StyleMixing(0.0)(image, np.random.default_rng(0)) is image
    transfer = StyleTransfer(0.0, POOL, InputSpec(96, 96))
    assert transfer(image, np.random.default_rng(0)) is image


def test_same_generator_same_images() -> None:
    """A run with the same seed learns from the same images."""
    config = FitConfig(
        input=InputSpec(48, 48), crop_area=0.35, style_mixing=0.5, style_transfer=0.5
    )
    one, other = (augmentation_of(config, POOL)(ramp(), np.random.default_rng(3)) for _ in range(2))
    assert (one == other).all()
    assert one.shape == (48, 48, 1)


@pytest.mark.parametrize(
    ("option", "value"), [("crop_area", 0.0), ("style_mixing", 1.1), ("style_transfer", -0.1)]
)
def test_values_outside_the_range_are_refused(option: str, value: float) -> None:
    """The message names the option as it is typed."""
    with pytest.raises(UsageError, match=f"--{option.replace('_', '-')}: expected"):
        FitConfig(**{option: value})
