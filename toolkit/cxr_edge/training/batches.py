"""Training batches as Keras asks for them."""

from typing import Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from cxr_edge.system.cpu import usable_cpus
from cxr_edge.training.batch_maker import Batch


class Maker(Protocol):
    """A maker of batches, in this process or in others."""

    steps: int
    """Batches of an epoch."""

    def make(self, epoch: int, index: int) -> Batch:
        """Return a batch of an epoch, both from 0."""


class Batches(keras.utils.PyDataset):
    """Training batches, epoch after epoch."""

    def __init__(self, maker: Maker, epoch: int = 0, *, threads: bool = True) -> None:
        """Take a maker of batches.

        Parameters
        ----------
        maker
            The maker.
        epoch
            First epoch, from 0.
        threads
            Whether several threads call the maker.
        """
        super().__init__(workers=max(1, usable_cpus() // 2) if threads else 1, max_queue_size=8)
        self._maker = maker
        self.epoch = epoch
        """Epoch of the batches that are asked for, from 0."""
        self.failure: Exception | None = None
        """Error of the maker, since Keras' backends make others of it."""

    def __len__(self) -> int:
        return self._maker.steps

    def __getitem__(
        self, index: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
        try:
            batch = self._maker.make(self.epoch, index)
        except Exception as exc:
            self.failure = exc
            raise
        return batch.pixels, batch.targets, batch.weights

    def on_epoch_end(self) -> None:
        """Go on to the next epoch, since Keras asks for batches by index."""
        self.epoch += 1
