"""The search for clusters of images that look alike, by the features of a network."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError

CLUSTERS: Final = 24
"""Clusters of a large set."""

RARE: Final = 0.3
"""Share of a cluster's images below which a class is rare in it."""

IMAGES_PER_CLUSTER: Final = 20
"""Images per cluster on average, at least; a smaller set has fewer clusters."""

CLUSTERINGS: Final = 8
"""Clusterings whose verdicts are averaged: a single one moves images at the edge of a cluster."""

_COMPONENTS: Final = 50
_STARTS: Final = 3


def find_styles(features: NDArray[np.floating], labels: ArrayLike, seed: int = 0) -> Styles:
    """Cluster images by their features, and mark those whose class is rare among their look-alikes.

    The features are projected on their first 50 principal components and clustered by k-means,
    eight times from different starts. The clusters are those of the first clustering. An image is
    counter-style if the share of its class in its cluster, on average over the eight, is below
    :data:`RARE`.

    Parameters
    ----------
    features
        Feature vectors, shape (N, d): of a network that was not trained on these labels, or
        the clusters are the classes.
    labels
        Shape (N,): 1 for the positive class, 0 for the negative.
    seed
        Seed of the clustering.

    Returns
    -------
    Styles
        At most :data:`CLUSTERS` clusters.

    Raises
    ------
    DataError
        There are too few images for two clusters, or images of one class only.
    """
    truth = np.asarray(labels)
    count = min(CLUSTERS, len(truth) // IMAGES_PER_CLUSTER)
    if count < 2:
        raise DataError(
            f"expected at least {2 * IMAGES_PER_CLUSTER} images to cluster by appearance, "
            f"got {len(truth)}; add images"
        )
    if len(present := np.unique(truth)) < 2:
        raise DataError(
            f"expected images of both classes to cluster by appearance, all {len(truth)} have the "
            f"label {present[0]}; add images of the other class"
        )
    components = min(_COMPONENTS, *features.shape)
    projected = PCA(components, random_state=seed).fit_transform(features)
    first, *others = (
        _clustered(projected, truth, count, seed + number) for number in range(CLUSTERINGS)
    )
    cluster, shares = first
    alike = np.mean([found_shares[found] for found, found_shares in (first, *others)], axis=0)
    return Styles(cluster, shares, np.where(truth == 1, alike, 1 - alike) < RARE)


def _clustered(
    points: NDArray[np.floating], truth: NDArray[np.int64], count: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the cluster of each point, and the share of positives by cluster, rising."""
    found = KMeans(count, n_init=_STARTS, random_state=seed).fit_predict(points)
    _, found = np.unique(found, return_inverse=True)  # few distinct points can leave one empty
    shares = np.bincount(found, weights=truth == 1) / np.bincount(found)
    order = np.argsort(shares, kind="stable")
    return np.argsort(order)[found], shares[order]
