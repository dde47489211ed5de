"""Scores of images by a network before it is calibrated, of changed copies too, as a file."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.errors import DataError
from cxr_edge.evaluation.shifts import shifted
from cxr_edge.storage.atomic import atomic_write

SCORES: Final = "scores.npz"
"""Name of the file in the folder of a fold."""

Scores = Mapping[str, NDArray[np.float32]]
"""Name of a changed copy to the logits of N images, shape (N,); the images as they are first."""

_BATCH: Final = 64


def score(model: keras.Model, images: ImageSet) -> Scores:
    """Return the logits of images and of their changed copies.

    Parameters
    ----------
    model
        A network whose last layer is a dense one with a sigmoid.
    images
        N images of both classes.
    """
    *_, last = model.layers
    body = keras.Model(model.inputs, last.input)
    kernel, bias = last.get_weights()
    return {
        name: (body.predict(pixels, batch_size=_BATCH, verbose=0) @ kernel + bias)[:, 0]
        for name, pixels in shifted(images)
    }


def write_scores(path: Path, images: ImageSet, scores: Scores) -> None:
    """Write the logits of images, with the digests of the images."""
    with atomic_write(path) as half, half.open("wb") as file:
        np.savez(
            file,
            sha256=np.array(images.sha256),
            names=np.array(list(scores)),
            logits=np.stack(list(scores.values())),
        )


def pool_scores(paths: Sequence[Path], images: ImageSet) -> Scores:
    """Read the logits that :func:`write_scores` wrote, and join them in the order of the images.

    Parameters
    ----------
    paths
        One file per fold.
    images
        N images; each is in one of the files.

    Raises
    ------
    DataError
        A file cannot be read, or they are not of these images.
    """
    found: dict[str, NDArray[np.float32]] = {}
    names: list[str] = []
    for path in paths:
        try:
            with np.load(path, allow_pickle=False) as data:
                names = [str(name) for name in data["names"]]
                found |= zip(map(str, data["sha256"]), data["logits"].T, strict=True)
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as exc:
            raise DataError(
                f"{path}: expected the scores of a fold, they cannot be read; remove the folder of "
                "that fold and go on with --resume"
            ) from exc
    if missing := sum(digest not in found for digest in images.sha256):
        raise DataError(
            f"expected scores of all {len(images.images)} images by the folds, {missing} have "
            "none; start the run in another folder"
        )
    table = np.stack([found[digest] for digest in images.sha256], axis=1)
    return dict(zip(names, table, strict=True))
