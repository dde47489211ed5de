"""Training images by class, to draw from."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pool:
    """Labelled images, of which one of either class is drawn with the same chance."""

    pixels: NDArray[np.uint8]
    """Pixels of M images, shape (M, H, W, C)."""
    by_class: tuple[NDArray[np.intp], ...]
    """Indices of the images of each class, none of them empty."""

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> Self:
        """Sort images, shape (M, H, W, C), by their labels, shape (M,), 0 or 1; both occur."""
        return cls(pixels, tuple(np.flatnonzero(labels == label) for label in (0, 1)))

    def draw(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the pixels of an image, shape (H, W, C)."""
        members = self.by_class[rng.integers(len(self.by_class))]
        return np.asarray(self.pixels[rng.choice(members)], np.uint8)
