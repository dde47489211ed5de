"""Crops and renderings that come before the augmentation."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.errors import UsageError
from cxr_edge.imaging.preprocess import stretch
from cxr_edge.spec.input_spec import InputSpec
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


def test_probability_zero_changes_nothing() -> None:
    """The option at zero is off."""
    image = ramp()
    assert StyleMixing(0.0)(image, np.random.default_rng(0)) is image


def test_same_generator_same_images() -> None:
    """A run with the same seed learns from the same images."""
    config = FitConfig(input=InputSpec(48, 48), crop_area=0.35, style_mixing=0.5)
    one, other = (augmentation_of(config)(ramp(), np.random.default_rng(3)) for _ in range(2))
    assert (one == other).all()
    assert one.shape == (48, 48, 1)


@pytest.mark.parametrize(("option", "value"), [("crop_area", 0.0), ("style_mixing", 1.1)])
def test_values_outside_the_range_are_refused(option: str, value: float) -> None:
    """The message names the option as it is typed."""
    with pytest.raises(UsageError, match=f"--{option.replace('_', '-')}: expected"):
        FitConfig(**{option: value})
