"""The CSV file of clusters by appearance: the cluster of each image."""

import csv
from pathlib import Path
from typing import Final

import numpy as np

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError
from cxr_edge.storage.atomic import atomic_write

_COLUMNS: Final = ("path", "label", "patient", "sha256", "cluster", "counter_style")
_TRUE: Final = "yes"
_FALSE: Final = "no"


def write_styles(path: Path, images: ImageSet, styles: Styles) -> None:
    """Write the cluster of each image, and whether it is counter-style, as a CSV."""
    with (
        atomic_write(path) as half,
        half.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for image, digest, cluster, counter in zip(
            images.images, images.sha256, styles.cluster, styles.counter, strict=True
        ):
            mark = _TRUE if counter else _FALSE
            label = image.class_in(images.classes)
            writer.writerow((image.path, label, image.patient, digest, cluster, mark))


def read_styles(path: Path, images: ImageSet) -> Styles:
    """Read the clusters of images that :func:`write_styles` wrote, matched by their bytes.

    Parameters
    ----------
    path
        The CSV file. It may have more images.
    images
        N images.

    Raises
    ------
    DataError
        It cannot be read, or lacks some of the images.
    """
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            header, *lines = csv.reader(file)  # a ValueError where there is no header
            table = [dict(zip(header, line, strict=True)) for line in lines]
            rows = {row["sha256"]: row for row in table}
        known = {
            digest: (int(row["cluster"]), {_TRUE: True, _FALSE: False}[row["counter_style"]])
            for digest, row in rows.items()
        }
    except (OSError, csv.Error, KeyError, ValueError, TypeError) as exc:
        raise DataError(
            f"{path}: expected the styles.csv of 'cxr audit DATA --styles DIR', it cannot be read"
        ) from exc
    if missing := sum(digest not in known for digest in images.sha256):
        raise DataError(
            f"{path}: expected a cluster for each of the {len(images.images)} images, {missing} "
            "are not in it; run 'cxr audit DATA --styles DIR' on these images"
        )
    found = [known[digest] for digest in images.sha256]
    cluster = np.array([number for number, _ in found], np.int64)
    counts = np.bincount(cluster)
    shares = np.bincount(cluster, weights=images.labels == 1) / np.maximum(counts, 1)
    return Styles(cluster, shares, np.array([counter for _, counter in found], bool))
