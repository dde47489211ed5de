"""Clusters of labelled images by appearance, and the images whose class is rare in theirs.

A network can learn the appearance that most images of a class share (age of the patient, exposure,
sharpness, a side letter) in place of the disease. A split by patient does not show that, because
both sides have the same mixture. The images that look like the other class do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Styles:
    """Clusters of N images by appearance."""

    cluster: NDArray[np.int64]
    """Number of the cluster of each image, shape (N,): 0 has the smallest share of positives."""
    shares: NDArray[np.float64]
    """Share of positive images in each of K clusters, shape (K,), rising."""
    counter: NDArray[np.bool_]
    """Whether an image is counter-style: its class is rare among what looks like it; shape (N,)."""

    def __post_init__(self) -> None:
        if self.cluster.shape != self.counter.shape or self.cluster.max() >= len(self.shares):
            raise ValueError(
                f"Styles: expected a cluster below {len(self.shares)} and a mark for each image, "
                f"got {self.cluster.shape}, {self.counter.shape} and {self.cluster.max()}"
            )

    def take(self, indices: Sequence[int] | NDArray[np.intp]) -> "Styles":
        """Return the styles of the images at ``indices``; the shares stay those of all images."""
        return Styles(self.cluster[indices], self.shares, self.counter[indices])
