"""Limits by split-conformal prediction."""

import numpy as np
import pytest

from cxr_edge.metrics.conformal import conformal_limits, least_images


def drawn(seed: int, count: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, scores and groups; the images of group 1 score like the other class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    groups = (rng.random(count) < 0.2).astype(int)
    towards = np.where(groups == 1, 0.1, 0.6) * (2 * labels - 1)
    return labels, 1 / (1 + np.exp(-rng.normal(5 * towards, 1))), groups


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_the_limits_keep_the_coverage_in_every_class_and_group(coverage: float) -> None:
    """On new images of the same kind no class of a group is wrong more often, on average."""
    wrong: dict[tuple[int, int], list[float]] = {}
    for seed in range(60):
        low, high = conformal_limits(*drawn(seed), coverage)
        labels, scores, groups = drawn(1000 + seed)
        for group in (0, 1):
            for label, missed in ((1, scores < low), (0, scores > high)):
                inside = (labels == label) & (groups == group)
                wrong.setdefault((label, group), []).append(float(missed[inside].mean()))
    assert all(np.mean(shares) <= 1 - coverage + 0.01 for shares in wrong.values())
    # The groups that score like the other class set the limits, so they are not far from it.
    assert all(np.mean(wrong[label, 1]) >= (1 - coverage) / 2 for label in (0, 1))


def test_a_small_group_sets_no_limit_of_its_own() -> None:
    """With too few images to promise anything it counts among its class."""
    labels, scores, _ = drawn(0)
    alone = conformal_limits(labels, scores, np.zeros(400), 0.9)
    few = np.zeros(400, int)
    few[np.flatnonzero(labels == 1)[: least_images(0.9) - 1]] = 1
    scores[few == 1] = 0.0001
    assert conformal_limits(labels, scores, few, 0.9)[0] > 0.0001
    assert conformal_limits(labels, scores, few, 0.9)[1] == alone[1]


def test_too_few_images_of_a_class_are_refused() -> None:
    """One image in ten needs nine images at least."""
    assert least_images(0.9) == 9
    assert least_images(0.95) == 19
    with pytest.raises(ValueError, match="expected 9 images of class 1, got 8"):
        conformal_limits([1] * 8 + [0] * 20, np.linspace(0, 1, 28), np.zeros(28), 0.9)
