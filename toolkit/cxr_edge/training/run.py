"""One training run: from labelled films to a run folder with a calibrated model."""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from cxr_edge.artefact import read_appended_spec
from cxr_edge.data.films import list_training_films
from cxr_edge.data.filmset import FilmSet, load_films, split_by_patient, write_split
from cxr_edge.errors import MissingExtra, UsageError
from cxr_edge.spec import ModelSpec
from cxr_edge.training.architectures import check_name
from cxr_edge.training.augment import PRESETS
from cxr_edge.training.conclude import conclude
from cxr_edge.training.config import FitConfig
from cxr_edge.training.fit import fit
from cxr_edge.training.history import best_epoch, read_history
from cxr_edge.training.journal import forget_states
from cxr_edge.training.plots import draw_curves, draw_samples
from cxr_edge.training.runfolder import (
    CURVES,
    MODEL,
    SAMPLES,
    SPLIT,
    TENSORBOARD,
    claim,
    keep_settings,
)


def train(
    data: Path,
    out: Path,
    config: FitConfig,
    *,
    resume: bool = False,
    skip_unreadable: bool = False,
    samples_only: bool = False,
    tensorboard: bool = False,
    verbose: int = 2,
    say: Callable[[str], None] = print,
) -> ModelSpec | None:
    """Train a network and write a run folder.

    Parameters
    ----------
    data
        Class folders, Kaggle's layout or a manifest; see
        :func:`cxr_edge.data.films.list_training_films`.
    out
        The run folder, created: ``model.keras`` (spec inside, no optimizer state),
        ``config.json``, ``split.csv``, ``history.csv``, ``predictions.csv`` (validation films),
        ``curves.png``, ``samples.png`` and ``report.md``.
    config
        How to train.
    resume
        Go on with the run that is in ``out``, from its last finished epoch; begin where there
        is none.
    skip_unreadable
        Leave unreadable films out instead of raising.
    samples_only
        Write ``samples.png`` and stop.
    tensorboard
        Write logs for TensorBoard below ``out``.
    verbose
        0 silent, 1 a progress bar, 2 a line an epoch.
    say
        Takes one line of progress at a time.

    Returns
    -------
    ModelSpec or None
        With operating points and figures from the validation films; None for samples alone.

    Raises
    ------
    UsageError
        The run folder cannot be written, holds another run, or holds one and is not to be resumed.
    DataError
        The films cannot be trained on, or the run to go on with is damaged.
    ModelInvalid
        Training diverged.
    MissingExtra
        TensorBoard is wanted and not installed.
    """
    if tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise MissingExtra("--tensorboard", "tensorboard", "tensorboard")
    check_name(config.architecture)
    listed = list_training_films(data)
    claim(out, resume=resume)
    films = load_films(listed, config.input, skip_unreadable=skip_unreadable)
    training, validation = split_by_patient(films, config.split_seed, config.validation_fraction)
    for file in films.unreadable:
        say(f"left out, unreadable: {file}")
    say(
        f"{len(training.films)} films of {training.patients} patients to train on, "
        f"{len(validation.films)} of {validation.patients} to validate on; "
        f"{films.duplicates} exact duplicates left out"
    )
    try:
        if not samples_only:
            keep_settings(out, config, films, training, validation)
        if not (out / MODEL).exists():
            draw_samples(training, PRESETS[config.augmentation], config.seed, out / SAMPLES)
            if samples_only:
                return None
            callbacks = [keras.callbacks.TensorBoard(out / TENSORBOARD)] if tensorboard else []
            return _finish(films, training, validation, out, config, callbacks, verbose)
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror or exc}") from exc
    say(f"{out} is finished already")
    return read_appended_spec((out / MODEL).read_bytes(), str(out / MODEL))


def _finish(
    films: FilmSet,
    training: FilmSet,
    validation: FilmSet,
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
    spec = conclude(model, films, training, validation, out, config, story)
    forget_states(out)
    return spec
