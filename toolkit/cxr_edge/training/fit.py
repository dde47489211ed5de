"""Epochs of a training run, and the network with the weights of the best one."""

import math
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import keras
import numpy as np

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.errors import ModelInvalid
from cxr_edge.system.progress import stage
from cxr_edge.training.architectures import build_network
from cxr_edge.training.backbones import POOL
from cxr_edge.training.batch_maker import BatchMaker, smoothed
from cxr_edge.training.batch_workers import BatchWorkers
from cxr_edge.training.batches import Batches
from cxr_edge.training.checkpoints import (
    HistoryWriter,
    SaveState,
    SeedEpochs,
    best_file,
    load_weights,
    state_file,
)
from cxr_edge.training.config import FitConfig
from cxr_edge.training.history import best_epoch, is_over, read_history
from cxr_edge.training.target_metrics import TargetAuc, target_accuracy
from cxr_edge.training.training_data import TrainingData

_VALIDATION_BATCH: Final = 64


@dataclass(frozen=True)
class _Phase:
    """Consecutive epochs with one optimizer."""

    first: int
    """Count of epochs before it."""
    last: int
    """Count of epochs after it."""
    head_only: bool
    """Whether the weights of the pretrained part are frozen."""


def fit(
    data: TrainingData,
    run: Path,
    config: FitConfig,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int = 2,
    workers: int = 0,
) -> keras.Model:
    """Run the missing epochs of a run.

    Parameters
    ----------
    data
        Images to learn from and to validate on.
    run
        The run folder; it keeps the history, and the weights of the last and of the best epoch.
    config
        Settings of the run.
    callbacks
        Further Keras callbacks.
    verbose
        0 silent, 1 a progress bar, 2 a line per epoch.
    workers
        Processes that augment images; 0 to do so in this one.

    Returns
    -------
    keras.Model
        Network with the weights of the best epoch and no optimizer; of the last epoch where no
        image is held out.

    Raises
    ------
    DataError
        The weights of an earlier epoch are missing or damaged.
    MachineError
        A process that augments images has ended.
    ModelInvalid
        Training diverged: no epoch gave a finite validation figure.
    """
    with stage("building the network"):
        model = _network(config)
    for phase in (
        _Phase(0, config.head_epochs, head_only=True),
        _Phase(config.head_epochs, config.epochs, head_only=False),
    ):
        history = read_history(run)
        # The epochs of the head alone never stop early.
        patience = config.epochs if phase.head_only else config.patience
        if not phase.first <= len(history) < phase.last:
            continue
        if is_over(history[phase.first :], config.chosen_by, patience):
            continue
        watching = [
            SeedEpochs(config.seed),
            SaveState(run),
            *([keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if config.averaging else []),
            *callbacks,
            HistoryWriter(run, config.chosen_by, patience, phase.first),
        ]
        with _maker(data, config, workers) as maker:
            loss = _loss(data, config)
            with stage("preparing the first batches"):
                _resume(model, run, config, phase, loss, maker.steps, done=len(history))
            batches = Batches(maker, epoch=len(history), threads=not workers)
            _run(model, batches, data.validation, config, phase.last, watching, verbose)
    history = read_history(run)
    best = best_epoch(history[config.head_epochs :], config.chosen_by)
    if not best or not math.isfinite(history[best - 1]["loss"]):
        raise ModelInvalid(
            "training diverged: no epoch has a finite figure; lower --learning-rate and start in "
            "another run folder"
        )
    # A newly built model brings no optimizer state into the file.
    result = _network(config)
    load_weights(result, best_file(run, best))
    return result


def _maker(
    data: TrainingData, config: FitConfig, workers: int
) -> AbstractContextManager[BatchWorkers | BatchMaker]:
    if workers:
        return BatchWorkers(data.source, config, workers)
    return nullcontext(BatchMaker(data.source, config))


def _run(
    model: keras.Model,
    batches: Batches,
    validation: ImageSet,
    config: FitConfig,
    epochs: int,
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: int,
) -> None:
    """Run the epochs up to ``epochs``; an error of the batches is raised as it was."""
    held_out = None
    if config.holds_out:
        targets = smoothed(validation.labels, config.label_smoothing)[:, np.newaxis]
        held_out = (validation.pixels, targets)
    if verbose and epochs == 1:
        sys.stdout.write("Epoch 1/1\n")  # Keras has this line for several epochs alone
    try:
        model.fit(
            batches,
            validation_data=held_out,
            validation_batch_size=_VALIDATION_BATCH,
            initial_epoch=batches.epoch,
            epochs=epochs,
            shuffle=False,  # the batches are drawn at random already, by the run's seed
            verbose=verbose,
            callbacks=callbacks,
        )
    except Exception as exc:
        if batches.failure:
            raise batches.failure from exc
        raise


def _network(config: FitConfig) -> keras.Model:
    return build_network(config.architecture, config.input, local_contrast=config.local_contrast)


def _resume(
    model: keras.Model,
    run: Path,
    config: FitConfig,
    phase: _Phase,
    loss: keras.losses.Loss,
    steps: int,
    done: int,
) -> None:
    """Compile for a phase and load the weights of the epochs before."""
    names = [layer.name for layer in model.layers]
    for index, layer in enumerate(model.layers):
        layer.trainable = not phase.head_only or index > names.index(POOL)
    if done == phase.first > 0:  # weights of the phase before, without its optimizer
        load_weights(model, state_file(run, done))
    model.compile(
        optimizer=_optimizer(config, phase, steps),
        loss=loss,
        metrics=[
            keras.metrics.MeanMetricWrapper(target_accuracy, name="accuracy"),
            TargetAuc(num_thresholds=1000, name="auc"),
        ],
    )
    if done > phase.first:
        model.optimizer.build(model.trainable_variables)
        load_weights(model, state_file(run, done))


def _optimizer(config: FitConfig, phase: _Phase, steps: int) -> keras.optimizers.Optimizer:
    rate: float | keras.optimizers.schedules.LearningRateSchedule = config.learning_rate
    if config.schedule == "cosine" and not phase.head_only:
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=config.learning_rate / 10,
            decay_steps=max(1, (phase.last - phase.first - 1) * steps),
            warmup_target=config.learning_rate,
            warmup_steps=steps,
        )
    averaging = {"use_ema": True, "ema_momentum": config.averaging} if config.averaging else {}
    if config.optimizer == "adam":
        return keras.optimizers.Adam(rate, **averaging)
    return keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, **averaging)


def _loss(data: TrainingData, config: FitConfig) -> keras.losses.Loss:
    if config.imbalance == "focal":
        return keras.losses.BinaryFocalCrossentropy(
            apply_class_balancing=True,
            alpha=float(np.mean(data.training.labels == 0)),
            gamma=2.0,
        )
    return keras.losses.BinaryCrossentropy()
