"""A run with a network per fold of the patients, and one of all images that they speak for."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from cxr_edge.datasets.folds import folds_of
from cxr_edge.datasets.style_file import read_styles, write_styles
from cxr_edge.errors import UsageError
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS
from cxr_edge.storage.atomic import atomic_write
from cxr_edge.training.config import NOTHING_ELSE, Distillation, FitConfig
from cxr_edge.training.run import Finished, earlier, fit_and_finish, load_run, train
from cxr_edge.training.run_folder import CONFIG, STYLES, keep_settings, read_settings
from cxr_edge.training.scores import SCORES, pool_scores
from cxr_edge.training.training_data import image_styles
from cxr_edge.training.validation import Validated, validate

OUT_OF_FOLD: Final = "out-of-fold.csv"
"""Name of the file with a prediction of every image, by a network that did not see its patient."""


def train_folds(
    data: Path,
    out: Path,
    config: FitConfig,
    distillation: Distillation = NOTHING_ELSE,
    *,
    positive: str = "",
    resume: bool = False,
    skip_unreadable: bool = False,
    workers: int = 0,
    verbose: int = 2,
    say: Callable[[str], None] = print,
) -> Finished:
    """Train a network per fold, and then one of all images.

    The networks of the folds stay uncalibrated. Their scores of the patients that they did not see
    calibrate the network of all images, give its operating points, and are its figures. It has no
    validation images, so it runs all epochs and keeps the weights of the last, and so do those of
    the folds. A teacher that is a run with the same folds teaches each fold by the network that did
    not see it either.

    Parameters
    ----------
    data, distillation, positive, skip_unreadable, workers, verbose, say
        As for :func:`cxr_edge.training.run.train`.
    out
        The run folder, created; the run folders ``fold-1``, ``fold-2`` and so on are in it, and
        ``out-of-fold.csv``.
    config
        Settings of every run; ``folds`` is at least 2.
    resume
        Continue with what is missing.

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
        resume=resume,
        skip_unreadable=skip_unreadable,
        say=say,
    )
    images = loaded.images
    try:
        folds = folds_of(images, config.folds, config.split_seed)
        keep_settings(out, config, loaded)
        if finished := earlier(out, images, say):
            return finished
        if not (out / STYLES).exists():
            write_styles(out / STYLES, images, image_styles(images))
        styles = read_styles(out / STYLES, images)
        say(f"{int(styles.counter.sum())} of {len(images.images)} images are counter-style")
        folders = [out / f"fold-{fold}" for fold in range(1, config.folds + 1)]
        for fold, folder in enumerate(folders, start=1):
            say(f"fold {fold} of {config.folds}")
            train(
                data,
                folder,
                replace(config, fold=fold, calibrate=False, prior=None),
                _of_fold(distillation, fold, config),
                positive=positive,
                resume=resume,
                skip_unreadable=skip_unreadable,
                workers=workers,
                verbose=verbose,
                say=say,
            )
        logits = pool_scores([folder / SCORES for folder in folders], images)
        validated = validate(images, logits, styles, config)
        _write(out / OUT_OF_FOLD, validated, folds.tolist())
        say("all images: no validation images, so all epochs, and the weights of the last one")
        spec = fit_and_finish(
            loaded, out, config, (), verbose, workers=workers, validated=validated
        )
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror or exc}") from exc
    return Finished(spec, images.unreadable, already=False)


def _of_fold(distillation: Distillation, fold: int, config: FitConfig) -> Distillation:
    """Return what teaches a fold: of a teacher with folds, the network that did not see it."""
    teachers = []
    for teacher in distillation.teachers:
        folder = Path(teacher)
        if (folder / CONFIG).exists() and (folder / "fold-1").is_dir():
            _require_same_folds(folder, config)
            teachers.append(str(folder / f"fold-{fold}"))
        else:
            teachers.append(teacher)
    return replace(distillation, teachers=tuple(teachers))


def _require_same_folds(teacher: Path, config: FitConfig) -> None:
    theirs = read_settings(teacher)
    for setting in ("folds", "split_seed"):
        ours = getattr(config, setting)
        if theirs.get(setting) != ours:
            raise UsageError(
                f"--teacher: expected a run with the folds of this one, {teacher} has "
                f"--{setting.replace('_', '-')} {theirs.get(setting)} in place of {ours}; give the "
                "same, or train the teacher again"
            )


def _write(path: Path, validated: Validated, folds: list[int]) -> None:
    with (
        atomic_write(path) as half,
        half.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "label", "patient", "probability", "fold"))
        images = validated.images
        for image, score, fold in zip(images.images, validated.scores, folds, strict=True):
            probability = f"{score:.{PROBABILITY_DECIMALS}f}"
            label = image.class_in(images.classes)
            writer.writerow((image.path, label, image.patient, probability, fold))
