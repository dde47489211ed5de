"""A run with a network per fold of the patients, and one of all images that they speak for."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import keras

from cxr_edge.datasets.folds import folds_of, split_by_fold
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.patient_split import split_digest
from cxr_edge.datasets.style_file import read_styles, write_styles
from cxr_edge.errors import UsageError
from cxr_edge.evaluation.platt import Platt
from cxr_edge.evaluation.predictions import write_predictions
from cxr_edge.spec.embedding import append_spec, read_appended_spec
from cxr_edge.storage.atomic import atomic_write
from cxr_edge.training.calibrate import calibrate
from cxr_edge.training.config import NOTHING_ELSE, Distillation, FitConfig
from cxr_edge.training.load_run import load_run, with_teachers
from cxr_edge.training.run import Finished, earlier, fit_and_finish, train_loaded
from cxr_edge.training.run_files import MODEL, STYLES, has_folds, read_settings
from cxr_edge.training.run_folder import check_run_folder, keep_settings
from cxr_edge.training.scores import SCORES, pool_scores
from cxr_edge.training.teachers import Teachers
from cxr_edge.training.training_data import TrainingData, fold_of, image_styles
from cxr_edge.training.validation import validate

TEACHER: Final = "teacher.keras"
"""Name of a fold's network, calibrated, from which the same fold of another run can learn."""

OUT_OF_FOLD: Final = "out-of-fold.csv"
"""Name of the file with a prediction of every image, by a network that did not see its patient."""


def train_folds(
    data: Path,
    out: Path,
    config: FitConfig,
    distillation: Distillation = NOTHING_ELSE,
    *,
    positive: str = "",
    styles: Path | None = None,
    resume: bool = False,
    skip_unreadable: bool = False,
    workers: int = 0,
    verbose: int = 2,
    say: Callable[[str], None] = print,
) -> Finished:
    """Train a network per fold, and then one of all images, which are loaded once.

    The networks of the folds stay uncalibrated. Their scores of the patients that they did not see
    calibrate the network of all images, give its operating points, and are its figures. It has no
    validation images, so it runs all epochs and keeps the weights of the last, and so do those of
    the folds. A teacher that is a run with the same folds teaches each fold by the network that did
    not see it either.

    Parameters
    ----------
    data, distillation, positive, styles, skip_unreadable, workers, verbose, say
        As for :func:`cxr_edge.training.run.train`.
    out
        The run folder, created; the run folders ``fold-1``, ``fold-2`` and so on are in it, and
        ``out-of-fold.csv``.
    config
        Settings of every run; ``folds`` is at least 2.
    resume
        Continue with what is missing, by the clusters that the run has already.

    Returns
    -------
    Finished
        Result of the network of all images.

    Raises
    ------
    UsageError, DataError, ModelInvalid
        As :func:`cxr_edge.training.run.train`; a fold lacks images of a class.
    """
    loaded = load_run(
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
    images = loaded.images
    try:
        folds = folds_of(images, config.folds, config.split_seed)
        for teacher in filter(has_folds, map(Path, distillation.teachers)):
            _require_same_folds(teacher, images, config)
        clusters = None if (out / STYLES).exists() else image_styles(images, styles)
        if clusters is None and styles:
            _require_same_styles(out / STYLES, styles, images)
        keep_settings(out, config, loaded)
        if finished := earlier(out, loaded, say):
            return finished
        if clusters:
            write_styles(out / STYLES, images, clusters)
        clusters = read_styles(out / STYLES, images)
        say(f"{int(clusters.counter.sum())} of {len(images.images)} images are counter-style")
        folders = [out / f"fold-{fold}" for fold in range(1, config.folds + 1)]
        for fold, folder in enumerate(folders, start=1):
            say(f"fold {fold} of {config.folds}")
            check_run_folder(folder, resume=resume)
            part = config.of_fold(fold)
            train_loaded(
                _with_teachers_of(fold_of(loaded, part, say), part, distillation, say),
                folder,
                part,
                resume=resume,
                workers=workers,
                verbose=verbose,
                say=say,
            )
        logits = pool_scores([folder / SCORES for folder in folders], images)
        validated = validate(images, logits, clusters, config)
        write_predictions(out / OUT_OF_FOLD, images, validated.scores, folds)
        _write_teachers(folders, validated.platt)
        say("all images: no validation images, so all epochs, and the weights of the last one")
        spec = fit_and_finish(
            loaded, out, config, (), verbose, workers=workers, validated=validated
        )
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror or exc}") from exc
    return Finished(spec, loaded.unreadable, already=False)


def _require_same_folds(teacher: Path, images: ImageSet, config: FitConfig) -> None:
    """Check that the folds of a teacher hold out the images that ours do."""
    folds = read_settings(teacher).get("folds")
    if folds != config.folds:
        raise UsageError(
            f"--teacher: expected a run with the folds of this one, {teacher} has --folds {folds} "
            f"in place of {config.folds}; give the same, or train the teacher again"
        )
    for fold in range(1, config.folds + 1):
        sides = split_by_fold(images, fold, config.folds, config.split_seed)
        if read_settings(teacher / f"fold-{fold}").get("split_sha256") != split_digest(*sides):
            raise UsageError(
                f"--teacher: expected a run with the folds of this one, fold {fold} of {teacher} "
                "has other images, labels or patients; give the same DATA and --split-seed, or "
                "train the teacher again"
            )


def _require_same_styles(kept: Path, given: Path, images: ImageSet) -> None:
    """Check that the clusters given to a run that goes on are those that it was started with."""
    ours, theirs = read_styles(given, images), read_styles(kept, images)
    if (ours.cluster != theirs.cluster).any() or (ours.counter != theirs.counter).any():
        raise UsageError(
            f"--styles: expected the clusters that the run was started with, {given} has others "
            f"than {kept}; leave --styles out, or start a run in another folder"
        )


def _with_teachers_of(
    data: TrainingData, config: FitConfig, distillation: Distillation, say: Callable[[str], None]
) -> TrainingData:
    """Add what teaches a fold: of a teacher with folds, the network that did not see it."""
    if not distillation.teachers:
        return data
    references = [
        str(Path(teacher) / f"fold-{config.fold}" / TEACHER)
        if has_folds(Path(teacher))
        else teacher
        for teacher in distillation.teachers
    ]
    teachers = Teachers.open(references, data.images.classes, distillation.weight)
    return with_teachers(data, teachers, config, say)


def _write_teachers(folders: Sequence[Path], platt: Platt) -> None:
    """Write the networks of the folds, calibrated as the network of all images is.

    So a network that learns from them sees the same scale in every fold and in all images.
    """
    for folder in folders:
        network = keras.models.load_model(folder / MODEL)
        calibrate(network, platt)
        with atomic_write(folder / TEACHER) as half:
            network.save(half)
            append_spec(half, read_appended_spec((folder / MODEL).read_bytes(), str(folder)))
