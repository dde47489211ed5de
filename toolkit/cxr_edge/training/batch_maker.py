"""Content of a training batch: drawn images, augmented, with their targets; Keras is not loaded."""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.training.config import FitConfig
from cxr_edge.training.pool import Pool
from cxr_edge.training.teachers import Teachers
from cxr_edge.training.variation import augmentation_of

UNLABELLED_SHARE: Final = 1 / 8
"""Share of a batch that is images without labels, where there are any; at least one image."""


@dataclass(frozen=True)
class Batch:
    """One batch of N images."""

    pixels: NDArray[np.uint8]
    """Pixels, shape (N, H, W, C)."""
    targets: NDArray[np.float32]
    """P(positive class) that the network is to learn, shape (N, 1); of the labelled images alone
    until teachers have judged the others."""
    weights: NDArray[np.float32]
    """Weight of each image in the loss, shape (N,)."""


@dataclass(frozen=True)
class Source:
    """Images that batches are drawn from, and the teachers' share in their targets."""

    pixels: NDArray[np.uint8]
    """Pixels of M labelled images, as ``FitConfig.training_input`` says, shape (M, H, W, C)."""
    labels: NDArray[np.int64]
    """Their labels, 0 or 1, shape (M,); both occur."""
    unlabelled: NDArray[np.uint8] | None = None
    """Pixels of images without labels, which only teachers judge."""
    teachers: Teachers | None = None
    """Teachers; None to learn from the labels alone."""


class BatchMaker:
    """Maker of training batches; the same seed, epoch and index give the same batch.

    With ``imbalance`` balanced, an epoch has equal numbers of each class, and images of the rarer
    class are repeated; otherwise it has every labelled image once. Images without labels follow
    the labelled ones of each batch.
    """

    def __init__(self, source: Source, config: FitConfig) -> None:
        self._source = source
        self._config = config
        pool = Pool.of(source.pixels, source.labels)
        self._augment = augmentation_of(config, pool)
        self._by_class = pool.by_class
        self._class_weights = class_weights(source.labels)
        unlabelled = source.unlabelled
        self._extra = 0 if unlabelled is None else max(1, int(config.batch_size * UNLABELLED_SHARE))
        self._drawn: tuple[int, NDArray[np.intp], NDArray[np.intp]] | None = None
        self.steps = math.ceil(len(source.labels) / self._labelled)
        """Batches of an epoch."""

    def make(self, epoch: int, index: int) -> Batch:
        """Return a batch.

        Parameters
        ----------
        epoch
            Epoch, from 0.
        index
            Batch within it, from 0.

        Raises
        ------
        UsageError
            A teacher gives numbers that are no probabilities.
        """
        source, config = self._source, self._config
        order, extra = self._draw(epoch)
        chosen = order[index * self._labelled : (index + 1) * self._labelled]
        others = extra[index * self._extra : (index + 1) * self._extra]
        rng = np.random.default_rng([config.seed, epoch, index])
        images = [self._augment(source.pixels[image], rng) for image in chosen]
        if source.unlabelled is not None:
            images += [self._augment(source.unlabelled[image], rng) for image in others]
        pixels = np.stack(images)
        labels = source.labels[chosen]
        weights = np.ones(len(images), np.float32)
        if config.imbalance == "weights":
            weights[: len(chosen)] = self._class_weights[labels]
        targets = smoothed(labels, config.label_smoothing)
        batch = Batch(pixels, targets[:, np.newaxis], weights)
        return taught(batch, source.teachers) if source.teachers else batch

    @property
    def _labelled(self) -> int:
        """Labelled images of a batch."""
        return self._config.batch_size - self._extra

    def _draw(self, epoch: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the labelled and the other images of an epoch, in the order of its batches."""
        drawn = self._drawn
        if drawn is None or drawn[0] != epoch:
            rng = np.random.default_rng([self._config.seed, epoch])
            labelled, others = self._draw_labelled(rng), np.empty(0, np.intp)
            if self._source.unlabelled is not None:
                every = np.arange(len(self._source.unlabelled))
                others = _repeated(every, self.steps * self._extra, rng)
            drawn = self._drawn = (epoch, labelled, others)
        return drawn[1:]

    def _draw_labelled(self, rng: np.random.Generator) -> NDArray[np.intp]:
        if self._config.imbalance != "balanced":
            return rng.permutation(len(self._source.labels))
        # The classes alternate, each shuffled and repeated.
        need = self.steps * self._labelled // len(self._by_class) + 1
        columns = [_repeated(members, need, rng) for members in self._by_class]
        return np.stack(columns, axis=1).ravel()


def taught(batch: Batch, teachers: Teachers) -> Batch:
    """Add what teachers say to the targets of a batch.

    Parameters
    ----------
    batch
        N images, of which the first are labelled and have a target.
    teachers
        The teachers; for the other images, their probability is the target.

    Raises
    ------
    UsageError
        A teacher gives numbers that are no probabilities.
    """
    learned, labelled = teachers.probabilities(batch.pixels)[:, np.newaxis], len(batch.targets)
    mixed = (1 - teachers.weight) * batch.targets + teachers.weight * learned[:labelled]
    targets = np.concatenate([mixed, learned[labelled:]]).astype(np.float32)
    return replace(batch, targets=targets)


def smoothed(labels: NDArray[np.int64], smoothing: float) -> NDArray[np.float32]:
    """Return labels, shape (N,), as targets from smoothing / 2 to 1 - smoothing / 2."""
    return (labels * (1 - smoothing) + smoothing / 2).astype(np.float32)


def class_weights(labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return loss weights that give both classes the same total, shape (2,); their mean is 1."""
    return (len(labels) / (2 * np.bincount(labels, minlength=2))).astype(np.float32)


def _repeated(members: NDArray[np.intp], need: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return as many members as are needed, shuffled anew in each round."""
    rounds = math.ceil(need / len(members))
    return np.concatenate([rng.permutation(members) for _ in range(rounds)])[:need]
