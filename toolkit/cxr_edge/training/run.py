"""One training run: from labelled images to a run folder with a calibrated model."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from cxr_edge.datasets.image_set import ImageSet, load_images
from cxr_edge.datasets.listing import find_classes, list_training_images
from cxr_edge.datasets.patient_split import split_by_patient, write_split
from cxr_edge.errors import UsageError
from cxr_edge.extras import missing_extra
from cxr_edge.spec.embedding import read_appended_spec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.training.augment import PRESETS
from cxr_edge.training.checkpoints import forget_states
from cxr_edge.training.config import FitConfig
from cxr_edge.training.finish import conclude
from cxr_edge.training.fit import fit
from cxr_edge.training.history import best_epoch, read_history
from cxr_edge.training.plots import draw_curves, draw_samples
from cxr_edge.training.run_folder import (
    CURVES,
    MODEL,
    SAMPLES,
    SPLIT,
    TENSORBOARD,
    claim,
    keep_settings,
)


@dataclass(frozen=True)
class Finished:
    """A run that has its model."""

    spec: ModelSpec
    """With operating points and figures from the validation images."""
    unreadable: tuple[str, ...]
    """Path and reason of each file that was left out."""
    already: bool
    """Whether it was finished before, and nothing was done."""


def train(
    data: Path,
    out: Path,
    config: FitConfig,
    *,
    positive: str = "",
    resume: bool = False,
    skip_unreadable: bool = False,
    tensorboard: bool = False,
    verbose: int = 2,
    say: Callable[[str], None] = print,
) -> Finished:
    """Train a network and write a run folder.

    Parameters
    ----------
    data
        Class folders, Kaggle's layout or a manifest; see
        :func:`cxr_edge.datasets.listing.list_training_images`.
    out
        The run folder, created: ``model.keras`` (spec inside, no optimizer state),
        ``config.json``, ``split.csv``, ``history.csv``, ``predictions.csv`` (validation images),
        ``curves.png``, ``samples.png`` and ``report.md``.
    config
        How to train.
    positive
        Name of the positive class; see :func:`cxr_edge.datasets.listing.find_classes`.
    resume
        Go on with the run that is in ``out``, from its last finished epoch; begin where there
        is none.
    skip_unreadable
        Leave unreadable images out instead of raising.
    tensorboard
        Write logs for TensorBoard below ``out``.
    verbose
        0 silent, 1 a progress bar, 2 a line an epoch.
    say
        Takes one line of progress at a time.

    Raises
    ------
    UsageError
        The run folder cannot be written, holds another run, or holds one and is not to be resumed.
    DataError
        The images cannot be trained on, or the run to go on with is damaged.
    ModelInvalid
        Training diverged.
    MissingExtra
        TensorBoard is wanted and not installed.
    """
    if tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise missing_extra("--tensorboard", "tensorboard", "tensorboard")
    images, training, validation = _load(
        data,
        out,
        config,
        positive=positive,
        resume=resume,
        skip_unreadable=skip_unreadable,
        say=say,
    )
    try:
        keep_settings(out, config, images, training, validation)
        if (out / MODEL).exists():
            say(f"{out} is finished already")
            spec = read_appended_spec((out / MODEL).read_bytes(), str(out / MODEL))
            return Finished(spec, images.unreadable, already=True)
        draw_samples(training, PRESETS[config.augmentation], config.seed, out / SAMPLES)
        callbacks = [keras.callbacks.TensorBoard(out / TENSORBOARD)] if tensorboard else []
        spec = _finish(images, training, validation, out, config, callbacks, verbose)
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror or exc}") from exc
    return Finished(spec, images.unreadable, already=False)


def show_samples(
    data: Path,
    out: Path,
    config: FitConfig,
    *,
    positive: str = "",
    skip_unreadable: bool = False,
    say: Callable[[str], None] = print,
) -> tuple[str, ...]:
    """Write the augmented images that a run would learn from as ``samples.png``.

    Parameters and errors are those of :func:`train`; a folder that holds a run is refused.

    Returns
    -------
    tuple of str
        Path and reason of each file that was left out.
    """
    images, training, _ = _load(
        data,
        out,
        config,
        positive=positive,
        resume=False,
        skip_unreadable=skip_unreadable,
        say=say,
    )
    try:
        draw_samples(training, PRESETS[config.augmentation], config.seed, out / SAMPLES)
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror or exc}") from exc
    return images.unreadable


def _load(
    data: Path,
    out: Path,
    config: FitConfig,
    *,
    positive: str,
    resume: bool,
    skip_unreadable: bool,
    say: Callable[[str], None],
) -> tuple[ImageSet, ImageSet, ImageSet]:
    """Claim the run folder and return all images and the two sides of their split."""
    classes = find_classes(data, positive)
    listed = list_training_images(data, classes)
    claim(out, resume=resume)
    images = load_images(listed, classes, config.input, skip_unreadable=skip_unreadable)
    training, validation = split_by_patient(images, config.split_seed, config.validation_fraction)
    for file in images.unreadable:
        say(f"left out, unreadable: {file}")
    say(
        f"{len(training.images)} images of {training.patient_count} patients to train on, "
        f"{len(validation.images)} of {validation.patient_count} to validate on; "
        f"{images.duplicates} exact duplicates left out"
    )
    return images, training, validation


def _finish(
    images: ImageSet,
    training: ImageSet,
    validation: ImageSet,
    out: Path,
    config: FitConfig,
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: int,
) -> ModelSpec:
    """Fit, calibrate, describe and write."""
    write_split(out / SPLIT, training, validation)
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    model = fit(training, validation, out, config, callbacks, verbose)
    history = read_history(out)
    best = best_epoch(history[config.head_epochs :], config.monitor)
    draw_curves(history, best, out / CURVES)
    minutes = sum(row["seconds"] for row in history) / 60
    story = (
        f"{len(history)} epochs in {minutes:.1f} minutes; the weights are those of epoch {best}."
    )
    spec = conclude(model, images, training, validation, out, config, story)
    forget_states(out)
    return spec
