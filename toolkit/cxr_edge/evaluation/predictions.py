"""The scores of labelled images as a CSV."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.classes import Classes
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.errors import DataError
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS
from cxr_edge.storage.atomic import atomic_write

PREDICTIONS: Final = "predictions.csv"
"""Name of the file in a run folder and in the folder of an evaluation."""

_COLUMNS: Final = ("path", "label", "patient", "probability")


@dataclass(frozen=True)
class Predictions:
    """Predictions of labelled images."""

    names: tuple[str, ...]
    """File names of N images."""
    labels: NDArray[np.int64]
    """Shape (N,), 1 for the positive class."""
    scores: NDArray[np.float64]
    """Shape (N,), probabilities."""


def write_predictions(
    path: Path,
    images: ImageSet,
    scores: NDArray[np.floating],
    folds: NDArray[np.integer] | None = None,
) -> None:
    """Write path, label, patient and probability of each image, and its fold where there is one.

    Parameters
    ----------
    path
        The CSV file.
    images
        N images.
    scores
        Probabilities, shape (N,).
    folds
        Fold that holds an image out, from 1, shape (N,).
    """
    with (
        atomic_write(path) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS if folds is None else (*_COLUMNS, "fold"))
        for index, (image, score) in enumerate(zip(images.images, scores, strict=True)):
            probability = f"{score:.{PROBABILITY_DECIMALS}f}"
            label = image.class_in(images.classes)
            row = (image.path, label, image.patient, probability)
            writer.writerow(row if folds is None else (*row, folds[index]))


def read_predictions(path: Path, classes: Classes) -> Predictions:
    """Read the predictions that :func:`write_predictions` wrote.

    Parameters
    ----------
    path
        The CSV file.
    classes
        Class names of its labels: negative, positive.

    Raises
    ------
    DataError
        It cannot be read.
    """
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = list(csv.DictReader(file))
        return Predictions(
            tuple(Path(row["path"]).name for row in rows),
            np.array([classes.index(row["label"]) for row in rows], np.int64),
            np.array([float(row["probability"]) for row in rows], np.float64),
        )
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as exc:
        raise DataError(f"{path}: expected the predictions of a run, they cannot be read") from exc
