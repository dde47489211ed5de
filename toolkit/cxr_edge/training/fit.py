"""Fit a network on films in memory; keep the best weights; write the run folder."""

import dataclasses
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from cxr_edge import __version__
from cxr_edge.artefact import append_spec
from cxr_edge.errors import ModelInvalid, UsageError
from cxr_edge.machine import usable_cpus
from cxr_edge.metrics import auc, choose_operating_points
from cxr_edge.spec import InputSpec, ModelSpec, Provenance
from cxr_edge.training.architectures import ARCHITECTURES
from cxr_edge.training.augment import Augmentation
from cxr_edge.training.dataset import (
    LABELS,
    FilmSet,
    list_films,
    load_films,
    split_by_patient,
    write_split,
)

DEFAULT_OPERATING_POINT: Final = "screening"
"""A missed pneumonia costs more than a false alarm."""


@dataclass(frozen=True)
class FitConfig:
    """All that is needed, beside the films, to repeat a run."""

    architecture: str = "edge"
    """Key of :data:`cxr_edge.training.architectures.ARCHITECTURES`."""
    name: str = "edge"
    """Name of the model in reports."""
    input: InputSpec = field(default_factory=InputSpec)
    """Pixels that the network takes."""
    epochs: int = 25
    """Most epochs."""
    patience: int = 10
    """Epochs without a better validation loss after which training stops."""
    batch_size: int = 32
    """Films a step, half of them of each class."""
    learning_rate: float = 1.5e-3
    """Peak of the cosine schedule."""
    weight_decay: float = 1e-3
    """Of AdamW."""
    label_smoothing: float = 0.05
    """Targets become smoothing / 2 and 1 - smoothing / 2."""
    seed: int = 2021
    """Of the split, the initial weights, the sampling and the augmentation."""
    validation_fraction: float = 0.2
    """Share of the patients held out."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    """Random changes of the training films."""
    data: str = ""
    """The training set in words, for the model card."""
    command: str = ""
    """The command, for the model card."""


class BalancedBatches(keras.utils.PyDataset):
    """Augmented training batches, half of each class, the same for the same seed."""

    def __init__(self, films: FilmSet, config: FitConfig) -> None:
        super().__init__(workers=max(1, usable_cpus() // 2), max_queue_size=8)
        self._films = films
        self._config = config
        self._by_class = [np.flatnonzero(films.labels == label) for label in range(len(LABELS))]
        self._epoch = 0
        self._order = self._draw()

    def __len__(self) -> int:
        return math.ceil(len(self._films.films) / self._config.batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        size = self._config.batch_size
        chosen = self._order[index * size : (index + 1) * size]
        rng = np.random.default_rng([self._config.seed, self._epoch, index])
        pixels = np.stack(
            [self._config.augmentation(self._films.pixels[film], rng) for film in chosen]
        )
        return pixels, self._films.labels[chosen].astype(np.float32)[:, np.newaxis]

    def on_epoch_end(self) -> None:
        """Draw the next epoch's films."""
        self._epoch += 1
        self._order = self._draw()

    def _draw(self) -> NDArray[np.intp]:
        """Return this epoch's films: the classes alternate, each shuffled and repeated."""
        rng = np.random.default_rng([self._config.seed, self._epoch])
        need = len(self) * self._config.batch_size // len(LABELS) + 1
        columns = []
        for members in self._by_class:
            rounds = math.ceil(need / len(members))
            columns.append(np.concatenate([rng.permutation(members) for _ in range(rounds)])[:need])
        return np.stack(columns, axis=1).ravel()


def train(
    data: Path, out: Path, config: FitConfig, say: Callable[[str], None] = print
) -> ModelSpec:
    """Train a network on class folders and write a run folder.

    Parameters
    ----------
    data
        Folder with ``NORMAL`` and ``PNEUMONIA``, or with ``train`` that has them.
    out
        The run folder: ``model.keras`` (spec inside, no optimizer state), ``history.csv``,
        ``split.csv`` and ``config.json``. Created.
    config
        How to train.
    say
        Takes one line of progress at a time.

    Returns
    -------
    ModelSpec
        With operating points and figures from the validation films.

    Raises
    ------
    UsageError
        The run folder cannot be made.
    DataError
        The films cannot be trained on.
    ModelInvalid
        Training diverged.
    """
    listed = list_films(data)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise UsageError(f"--out: the run folder {out} cannot be made: {exc.strerror}") from exc
    keras.utils.set_random_seed(config.seed)
    films = load_films(listed, config.input)
    duplicates = len(listed) - len(films.films)
    training, validation = split_by_patient(films, config.seed, config.validation_fraction)
    say(
        f"{len(training.films)} films of {training.patients} patients to train on, "
        f"{len(validation.films)} of {validation.patients} to validate on; "
        f"{duplicates} exact duplicates left out"
    )
    write_split(out / "split.csv", data, training, validation)
    settings = {"tool_version": __version__, "data_sha256": films.digest}
    settings |= dataclasses.asdict(config)
    (out / "config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")

    best = _fit(training, validation, out, config)
    probabilities = best.predict(validation.pixels, batch_size=64, verbose=0)[:, 0]
    if not np.isfinite(probabilities).all():
        raise ModelInvalid("training diverged: the network gives no numbers; lower --learning-rate")
    spec = _describe(config, films, training, validation, probabilities)
    path = out / "model.keras"
    best.save(path)
    append_spec(path, spec)
    return spec


def _fit(training: FilmSet, validation: FilmSet, out: Path, config: FitConfig) -> keras.Model:
    """Run the epochs and return the model with the weights of the lowest validation loss."""
    model = ARCHITECTURES[config.architecture](config.input)
    batches = BalancedBatches(training, config)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=config.learning_rate / 10,
        decay_steps=max(1, (config.epochs - 1) * len(batches)),
        warmup_target=config.learning_rate,
        warmup_steps=len(batches),
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay),
        loss=keras.losses.BinaryCrossentropy(label_smoothing=config.label_smoothing),
        metrics=["accuracy", keras.metrics.AUC(name="auc")],
    )
    checkpoint = out / "best.weights.h5"
    checkpoint.unlink(missing_ok=True)  # of a run that was killed
    model.fit(
        batches,
        validation_data=(validation.pixels, validation.labels.astype(np.float32)[:, np.newaxis]),
        validation_batch_size=64,
        epochs=config.epochs,
        verbose=2,
        callbacks=[
            keras.callbacks.CSVLogger(str(out / "history.csv")),
            keras.callbacks.ModelCheckpoint(
                str(checkpoint), monitor="val_loss", save_best_only=True, save_weights_only=True
            ),
            keras.callbacks.EarlyStopping(monitor="val_loss", patience=config.patience),
        ],
    )
    # A model built anew carries no optimizer state into the file.
    best = ARCHITECTURES[config.architecture](config.input)
    best.load_weights(checkpoint)
    checkpoint.unlink()
    return best


def _describe(
    config: FitConfig,
    films: FilmSet,
    training: FilmSet,
    validation: FilmSet,
    probabilities: NDArray[np.float32],
) -> ModelSpec:
    return ModelSpec(
        name=config.name,
        labels=LABELS,
        input=config.input,
        operating_points=choose_operating_points(validation.labels, probabilities),
        default_operating_point=DEFAULT_OPERATING_POINT,
        provenance=Provenance(
            architecture=config.architecture,
            data=config.data,
            data_sha256=films.digest,
            command=config.command,
            seed=config.seed,
            validation_fraction=config.validation_fraction,
            training_films=len(training.films),
            training_patients=training.patients,
            validation_films=len(validation.films),
            validation_patients=validation.patients,
            validation_auc=auc(validation.labels, probabilities),
        ),
    )
