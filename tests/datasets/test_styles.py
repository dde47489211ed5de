"""Tests of the clusters by appearance."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.datasets.clustering import CLUSTERS, find_styles
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError


def two_looks(counter: int = 5) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return features in two distant groups of 50, each of one class but for ``counter`` images."""
    rng = np.random.default_rng(1)
    look = np.repeat([0, 1], 50)
    labels = look.copy()
    labels[:counter], labels[50 : 50 + counter] = 1, 0
    return rng.normal(0, 0.1, (100, 8)) + 10 * look[:, np.newaxis], labels


def test_images_that_look_like_the_other_class_are_counter_style() -> None:
    """An image is marked exactly if its class is rare among the images that look like it."""
    features, labels = two_looks(counter=5)
    styles = find_styles(features, labels)
    assert set(np.flatnonzero(styles.counter)) == {*range(5), *range(50, 55)}


def test_clusters_are_numbered_by_their_share_of_positives() -> None:
    """Cluster 0 has the fewest positives, and the shares are those of the images."""
    features, labels = two_looks()
    styles = find_styles(features, labels)
    assert (np.diff(styles.shares) >= 0).all()
    for number, share in enumerate(styles.shares):
        assert labels[styles.cluster == number].mean() == pytest.approx(share)


def test_same_seed_same_clusters() -> None:
    """Clusters are the same every time, so that a split by style can be repeated."""
    features, labels = two_looks()
    one, other = (find_styles(features, labels, seed=3) for _ in range(2))
    assert (one.cluster == other.cluster).all()


def test_a_large_set_has_no_more_clusters_than_stated() -> None:
    """The count of clusters is bounded, and few different images give fewer clusters."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 500)
    assert len(find_styles(rng.normal(size=(500, 8)), labels).shares) == CLUSTERS


@pytest.mark.parametrize(
    ("count", "label", "message"), [(39, None, "at least 40 images"), (60, 1, "both classes")]
)
def test_what_cannot_be_clustered_is_refused(count: int, label: int | None, message: str) -> None:
    """Too few images, or one class alone, is an error that says what to do."""
    labels = np.arange(count) % 2 if label is None else np.full(count, label)
    with pytest.raises(DataError, match=message):
        find_styles(np.random.default_rng(0).normal(size=(count, 4)), labels)


def test_styles_without_shares_are_refused() -> None:
    """A cluster without a share of positives is a mistake of the caller."""
    with pytest.raises(ValueError, match="a cluster below 1"):
        Styles(np.array([0, 1]), np.array([0.5]), np.array([False, True]))
