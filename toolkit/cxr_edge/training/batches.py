"""Augmented training batches; the same seed gives the same batches."""

import math

import keras
import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.system.cpu import usable_cpus
from cxr_edge.training.config import FitConfig
from cxr_edge.training.variation import augmentation_of


class Batches(keras.utils.PyDataset):
    """Training batches, epoch after epoch.

    With ``imbalance`` balanced, an epoch has equal numbers of each class, and images of the rarer
    class are repeated; otherwise it has every image once.
    """

    def __init__(self, images: ImageSet, config: FitConfig, epoch: int = 0) -> None:
        super().__init__(workers=max(1, usable_cpus() // 2), max_queue_size=8)
        self._images = images
        self._config = config
        self._augment = augmentation_of(config)
        self._by_class = [np.flatnonzero(images.labels == label) for label in (0, 1)]
        self._epoch = epoch
        self._order = self._draw()

    def __len__(self) -> int:
        return math.ceil(len(self._images.images) / self._config.batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        size = self._config.batch_size
        chosen = self._order[index * size : (index + 1) * size]
        rng = np.random.default_rng([self._config.seed, self._epoch, index])
        pixels = np.stack([self._augment(self._images.pixels[image], rng) for image in chosen])
        return pixels, self._images.labels[chosen].astype(np.float32)[:, np.newaxis]

    def on_epoch_end(self) -> None:
        """Draw the images of the next epoch, since Keras asks for them by index."""
        self._epoch += 1
        self._order = self._draw()

    def _draw(self) -> NDArray[np.intp]:
        rng = np.random.default_rng([self._config.seed, self._epoch])
        if self._config.imbalance != "balanced":
            return rng.permutation(len(self._images.images))
        # The classes alternate, each shuffled and repeated.
        need = len(self) * self._config.batch_size // len(self._by_class) + 1
        columns = []
        for members in self._by_class:
            rounds = math.ceil(need / len(members))
            columns.append(np.concatenate([rng.permutation(members) for _ in range(rounds)])[:need])
        return np.stack(columns, axis=1).ravel()
