"""The scores of labelled images as a CSV."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.labelled_image import LABELS, LabelledImage
from cxr_edge.errors import DataError
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS

PREDICTIONS: Final = "predictions.csv"
"""Its name in a run folder and in an evaluation's."""

_COLUMNS: Final = ("path", "label", "patient", "probability")


@dataclass(frozen=True)
class Predictions:
    """What :func:`read_predictions` read."""

    names: tuple[str, ...]
    """File names of N images."""
    labels: NDArray[np.int64]
    """Shape (N,), 1 for the positive class."""
    scores: NDArray[np.float64]
    """Shape (N,), probabilities."""


def write_predictions(
    path: Path, images: Sequence[LabelledImage], scores: NDArray[np.floating]
) -> None:
    """Write path, label, patient and probability of each image."""
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for image, score in zip(images, scores, strict=True):
            probability = f"{score:.{PROBABILITY_DECIMALS}f}"
            writer.writerow((image.path, LABELS[image.label], image.patient, probability))


def read_predictions(path: Path) -> Predictions:
    """Read what :func:`write_predictions` wrote.

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
            np.array([LABELS.index(row["label"]) for row in rows], np.int64),
            np.array([float(row["probability"]) for row in rows], np.float64),
        )
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as exc:
        raise DataError(f"{path}: expected the predictions of a run, they cannot be read") from exc
