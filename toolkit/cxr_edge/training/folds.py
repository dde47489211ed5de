"""Runs that hold out one fold of the patients each, for a prediction of every image."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from cxr_edge.errors import UsageError
from cxr_edge.evaluation.predictions import PREDICTIONS, read_predictions
from cxr_edge.metrics.roc import auc
from cxr_edge.spec.interval import Interval
from cxr_edge.storage.atomic import atomic_write
from cxr_edge.training.config import NOTHING_ELSE, Distillation, FitConfig
from cxr_edge.training.run import Finished, train

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
) -> tuple[Finished, Interval]:
    """Train a network per fold, and write the predictions that each makes of its fold.

    Parameters
    ----------
    data, distillation, positive, skip_unreadable, workers, verbose, say
        As for :func:`cxr_edge.training.run.train`.
    out
        Folder of the run folders ``fold-1``, ``fold-2`` and so on, and of ``out-of-fold.csv``;
        created.
    config
        Settings of every run; ``folds`` is at least 2.
    resume
        Continue with the folds that are not finished.

    Returns
    -------
    Finished
        Result of the last run.
    Interval
        AUC of the predictions of all images; each fold is calibrated on itself.

    Raises
    ------
    UsageError, DataError, ModelInvalid
        As :func:`cxr_edge.training.run.train`.
    """
    folders = [out / f"fold-{fold}" for fold in range(1, config.folds + 1)]
    for fold, folder in enumerate(folders, start=1):
        say(f"fold {fold} of {config.folds}")
        finished = train(
            data,
            folder,
            replace(config, fold=fold),
            distillation,
            positive=positive,
            resume=resume,
            skip_unreadable=skip_unreadable,
            workers=workers,
            verbose=verbose,
            say=say,
        )
    try:
        _join(folders, out / OUT_OF_FOLD)
    except OSError as exc:
        raise UsageError(f"--out: {out} cannot be written: {exc.strerror or exc}") from exc
    joined = read_predictions(out / OUT_OF_FOLD, finished.spec.labels)
    return finished, auc(joined.labels, joined.scores)


def _join(folders: list[Path], path: Path) -> None:
    with (
        atomic_write(path) as half,
        half.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        for fold, folder in enumerate(folders, start=1):
            with (folder / PREDICTIONS).open(
                newline="", encoding="utf-8", errors="surrogateescape"
            ) as part:
                columns, *rows = csv.reader(part)
            if fold == 1:
                writer.writerow((*columns, "fold"))
            writer.writerows((*row, str(fold)) for row in rows)
