"""A training run, from labelled images to a run folder with a calibrated model."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras

from cxr_edge.datasets.patient_split import write_split
from cxr_edge.errors import UsageError
from cxr_edge.extras import missing_extra
from cxr_edge.spec.embedding import read_appended_spec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.storage.atomic import atomic_write
from cxr_edge.system.plural import counted
from cxr_edge.system.progress import stage
from cxr_edge.training.backend import make_deterministic
from cxr_edge.training.checkpoints import forget_states
from cxr_edge.training.config import NOTHING_ELSE, Distillation, FitConfig
from cxr_edge.training.finish import finish
from cxr_edge.training.fit import fit
from cxr_edge.training.history import best_epoch, read_history
from cxr_edge.training.load_run import load_run
from cxr_edge.training.plots import draw_curves, draw_samples
from cxr_edge.training.pool import Pool
from cxr_edge.training.run_files import CURVES, MODEL, SAMPLES, SPLIT, TENSORBOARD
from cxr_edge.training.run_folder import check_run_folder, keep_settings
from cxr_edge.training.scores import SCORES, score, write_scores
from cxr_edge.training.training_data import TrainingData
from cxr_edge.training.validation import Validated, validate
from cxr_edge.training.variation import augmentation_of


@dataclass(frozen=True)
class Finished:
    """Result of a run."""

    spec: ModelSpec
    """Spec of the model, with operating points and figures from the validated images."""
    unreadable: tuple[str, ...]
    """Path and reason of each file that was left out."""
    already: bool
    """Whether the run was finished before, so that nothing was done."""


def train(
    data: Path,
    out: Path,
    config: FitConfig,
    distillation: Distillation = NOTHING_ELSE,
    *,
    positive: str = "",
    styles: Path | None = None,
    resume: bool = False,
    skip_unreadable: bool = False,
    tensorboard: bool = False,
    workers: int = 0,
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
        ``config.json``, ``split.csv``, ``training-images.json``, ``history.csv``,
        ``predictions.csv`` (validation images), ``curves.png``, ``samples.png`` and ``report.md``.
    config
        Settings of the run.
    distillation
        Teachers to learn from, with further images that they judge.
    positive
        Name of the positive class; see :func:`cxr_edge.datasets.listing.find_classes`.
    styles
        Clusters of the images by appearance, the ``styles.csv`` of ``cxr audit --styles``; None to
        look for them where the split needs them.
    resume
        Continue the run that is in ``out`` from its last finished epoch; start one if there is
        none.
    skip_unreadable
        Leave unreadable images out instead of raising.
    tensorboard
        Write logs for TensorBoard below ``out``.
    workers
        Processes that augment images, with the same result for any number; 0 to do so in this one.
        With any, a script has to start by ``if __name__ == "__main__":``.
    verbose
        0 silent, 1 a progress bar, 2 a line per epoch.
    say
        Prints one line of progress.

    Raises
    ------
    UsageError
        The run folder cannot be written, holds another run, or holds one and is not to be resumed;
        or a teacher cannot teach this network.
    DataError
        The images cannot be trained on, or the run to continue is damaged.
    ModelInvalid
        Training diverged.
    ModelError
        A teacher cannot be opened.
    MachineError
        A process that augments images has ended.
    MissingExtra
        TensorBoard is asked for and not installed.
    """
    if tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise missing_extra("--tensorboard", "tensorboard", "tensorboard")
    images = load_run(
        data,
        out,
        config,
        distillation,
        positive=positive,
        styles=styles,
        resume=resume,
        skip_unreadable=skip_unreadable,
        say=say,
    )
    return train_loaded(
        images,
        out,
        config,
        resume=resume,
        tensorboard=tensorboard,
        workers=workers,
        verbose=verbose,
        say=say,
    )


def train_loaded(
    images: TrainingData,
    out: Path,
    config: FitConfig,
    *,
    resume: bool,
    tensorboard: bool = False,
    workers: int,
    verbose: int,
    say: Callable[[str], None],
) -> Finished:
    """Train a network on images that are loaded already; see :func:`train`."""
    try:
        keep_settings(out, config, images)
        if finished := earlier(out, images, say):
            return finished
        if resume:
            done = len(read_history(out))
            say(f"continuing after epoch {done}" if done else "no epoch is finished; starting")
        callbacks = [keras.callbacks.TensorBoard(out / TENSORBOARD)] if tensorboard else []
        spec = fit_and_finish(images, out, config, callbacks, verbose, workers=workers)
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror or exc}") from exc
    return Finished(spec, images.unreadable, already=False)


def show_samples(
    data: Path,
    out: Path,
    config: FitConfig,
    *,
    positive: str = "",
    styles: Path | None = None,
    skip_unreadable: bool = False,
    say: Callable[[str], None] = print,
) -> tuple[str, ...]:
    """Write the augmented images that a run would learn from as ``samples.png``.

    Parameters and errors are those of :func:`train`; a folder that holds a run is refused, and one
    with samples too.

    Returns
    -------
    tuple of str
        Path and reason of each file that was left out.
    """
    check_run_folder(out, resume=False)
    if (out / SAMPLES).exists():
        raise UsageError(f"--out: {out / SAMPLES} exists already; name another folder")
    images = load_run(
        data,
        out,
        config,
        NOTHING_ELSE,
        positive=positive,
        styles=styles,
        resume=False,
        skip_unreadable=skip_unreadable,
        say=say,
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        _draw_samples(images, out, config)
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror or exc}") from exc
    return images.images.unreadable


def _draw_samples(images: TrainingData, out: Path, config: FitConfig) -> None:
    augment = augmentation_of(config, Pool.of(images.training.pixels, images.training.labels))
    with stage("drawing samples"), atomic_write(out / SAMPLES) as picture:
        draw_samples(images.training, augment, config.seed, picture)


def earlier(out: Path, images: TrainingData, say: Callable[[str], None]) -> Finished | None:
    """Return the result of a run that is finished already, and say so; None if it is not."""
    if not (out / MODEL).exists():
        return None
    say(f"{out} is already finished")
    spec = read_appended_spec((out / MODEL).read_bytes(), str(out / MODEL))
    return Finished(spec, images.unreadable, already=True)


def fit_and_finish(
    data: TrainingData,
    out: Path,
    config: FitConfig,
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: int,
    *,
    workers: int = 0,
    validated: Validated | None = None,
) -> ModelSpec:
    """Run the epochs that are missing and write the files of a run.

    Parameters
    ----------
    data, out, config, verbose, workers
        As in :func:`train`.
    callbacks
        Further Keras callbacks.
    validated
        Decisions by the scores of other networks; by the validation images without.
    """
    _draw_samples(data, out, config)
    write_split(out / SPLIT, data.training, data.validation)
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        make_deterministic(keras.backend.backend())
    model = fit(data, out, config, callbacks, verbose, workers)
    history = read_history(out)
    best = best_epoch(history[config.head_epochs :], config.chosen_by)
    with atomic_write(out / CURVES) as picture:
        draw_curves(history, best, picture)
    minutes = sum(row["seconds"] for row in history) / 60
    summary = (
        f"{counted(len(history), 'epoch', 'epochs')} in {minutes:.1f} minutes; "
        f"the weights are those of epoch {best}"
        f"{'' if config.holds_out else ', the last one, since no image was held out to choose by'}."
    )
    if validated is None:
        logits = score(model, data.validation)
        if config.fold:
            write_scores(out / SCORES, data.validation, logits)
        validated = validate(data.validation, logits, data.styles, config)
    spec = finish(model, data, validated, out, config, summary)
    forget_states(out)
    return spec
