"""The shift of a distribution of probabilities."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.metrics.stability import TENTHS, deciles, stability_index


def test_deciles_divide_into_tenths() -> None:
    """Between two neighbors lies a tenth of the probabilities."""
    values = np.random.default_rng(0).beta(0.3, 0.3, 2000)
    found = deciles(values)
    counts = np.histogram(values, [0, *found, 1])[0]
    assert len(found) == 9
    assert np.abs(counts - 200).max() <= 1


def test_the_index_is_near_zero_for_the_same_distribution_only() -> None:
    """Images of the same kind give less than 0.1, others more; the formula is the textbook's."""
    rng = np.random.default_rng(1)
    edges = [0, *deciles(rng.uniform(0, 1, 5000)), 1]

    def index(values: NDArray[np.float64]) -> float:
        return stability_index(np.histogram(values, edges)[0].tolist(), [1] * TENTHS)

    assert index(rng.uniform(0, 1, 500)) < 0.1
    assert index(rng.uniform(0, 1, 500) ** 3) > 0.25
    low = 0.5 / 100  # an empty bin
    expected = 2 * (0.5 - 0.1) * np.log(0.5 / 0.1) + 8 * (low - 0.1) * np.log(low / 0.1)
    assert stability_index([50, *[0] * 8, 50], [7] * TENTHS) == pytest.approx(expected)
    expected = (0.2 - 0.01) * np.log(0.2 / 0.01) + (0.8 - 0.99) * np.log(0.8 / 0.99)
    assert stability_index([20, 80], [10, 990]) == pytest.approx(expected)


def test_there_are_no_deciles_of_a_few_probabilities() -> None:
    """A model that gives one probability to most images has no tenths to compare."""
    assert deciles(np.concatenate([np.full(450, 0.4), np.linspace(0.5, 1, 500)])) == ()
