"""The input check by rules: what shows nothing is blank, what shows little has low contrast."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.imaging.image import SourceFacts
from cxr_edge.pipeline.picture_check import PictureCheck

SIDE = 128
FACTS = SourceFacts(SIDE, SIDE, "png")
RNG = np.random.default_rng(0)


def flags(gray: NDArray[np.floating]) -> list[str]:
    pixels = np.clip(gray, 0, 255).astype(np.uint8)[..., np.newaxis]
    return list(PictureCheck().flags(pixels, FACTS, None))


@pytest.fixture
def chest(phantoms: ModuleType) -> NDArray[np.floating]:
    drawn: NDArray[np.floating] = phantoms.to_8_bits(
        phantoms.phantom(3, opacities=0, size=SIDE)
    ).astype(float)
    return drawn


@pytest.mark.parametrize(
    "draw",
    [
        lambda: RNG.normal(120, 30, (SIDE, SIDE)),
        lambda: np.add.outer(np.arange(SIDE), np.zeros(SIDE)),
        lambda: np.add.outer(np.arange(SIDE), np.arange(SIDE)) + RNG.normal(0, 10, (SIDE, SIDE)),
    ],
    ids=["noise", "a slope", "a noisy slope"],
)
def test_noise_and_slopes_are_blank(draw: Callable[[], NDArray[np.floating]]) -> None:
    """However many gray levels they use."""
    assert "blank" in flags(draw())


def test_little_contrast_is_seen_through_noise(chest: NDArray[np.floating]) -> None:
    """Noise makes the histogram wide, and shows nothing more."""
    noise = RNG.normal(0, 12, chest.shape)
    assert flags(100 + 0.12 * chest + noise) == ["low-contrast"]
    assert flags(chest) == []
    assert flags(chest + noise) == []
