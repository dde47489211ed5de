"""Marks and borders."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.evaluation.counterfactual import CHANGES, counterfactuals, probability_shift


def test_movement_is_counted() -> None:
    """By how far, how many stayed, which labels flipped to which side."""
    before = np.array([0.10, 0.50, 0.60, 0.90])
    after = np.array([0.12, 0.40, 0.70, 0.20])
    moved = probability_shift(before, after, 0.45)
    assert moved.images == 4
    assert moved.mean == pytest.approx((0.02 + 0.1 + 0.1 + 0.7) / 4, abs=1e-6)
    assert moved.small == 0.25
    assert moved.flipped.value == 0.5
    assert (moved.to_positive, moved.to_negative) == (0, 2)
    json.dumps(moved.to_dict())


def test_a_model_that_looks_at_the_border_is_caught() -> None:
    """One that looks at the middle alone is left in peace."""
    rng = np.random.default_rng(0)
    images = rng.integers(60, 200, (6, 64, 64, 1), np.uint8)

    def border(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.asarray(pixels[:, :4].mean(axis=(1, 2, 3)) / 255)

    def middle(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.asarray(pixels[:, 28:36, 28:36].mean(axis=(1, 2, 3)) / 255)

    caught = counterfactuals(images, border(images), border, 0.3)
    assert tuple(caught) == tuple(CHANGES)
    assert caught["the outer 12 % masked"].flipped.value == 1
    assert caught["the outer 12 % masked"].to_negative == 6
    for moved in counterfactuals(images, middle(images), middle, 0.3).values():
        assert moved.flipped.value == 0
        assert moved.small == 1
