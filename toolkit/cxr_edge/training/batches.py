"""Training batches as Keras asks for them."""

import keras
import numpy as np
from numpy.typing import NDArray

from cxr_edge.system.cpu import usable_cpus
from cxr_edge.training.batch_maker import BatchMaker


class Batches(keras.utils.PyDataset):
    """Training batches, epoch after epoch."""

    def __init__(self, maker: BatchMaker, epoch: int = 0) -> None:
        super().__init__(workers=max(1, usable_cpus() // 2), max_queue_size=8)
        self._maker = maker
        self._epoch = epoch

    def __len__(self) -> int:
        return self._maker.steps

    def __getitem__(
        self, index: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
        batch = self._maker.make(self._epoch, index)
        return batch.pixels, batch.targets, batch.weights

    def on_epoch_end(self) -> None:
        """Go on to the next epoch, since Keras asks for batches by index."""
        self._epoch += 1
