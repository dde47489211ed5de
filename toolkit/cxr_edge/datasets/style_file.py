"""The CSV file of clusters by appearance: the cluster of each image."""

import csv
import re
from pathlib import Path
from typing import Final

import numpy as np

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError
from cxr_edge.storage.atomic import atomic_write

_COLUMNS: Final = ("path", "label", "patient", "sha256", "cluster", "counter_style")
_READ: Final = ("sha256", "label", "cluster", "counter_style")
_MARKS: Final = {"yes": True, "no": False}
_CLUSTER: Final = re.compile(r"[0-9]{1,4}")


def write_styles(path: Path, images: ImageSet, styles: Styles) -> None:
    """Write the cluster of each image, and whether it is counter-style, as a CSV."""
    words = {value: word for word, value in _MARKS.items()}
    with (
        atomic_write(path) as half,
        half.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for image, digest, cluster, counter in zip(
            images.images, images.sha256, styles.cluster, styles.counter, strict=True
        ):
            mark = words[bool(counter)]
            label = image.class_in(images.classes)
            writer.writerow((image.path, label, image.patient, digest, cluster, mark))


def read_styles(path: Path, images: ImageSet) -> Styles:
    """Read the clusters of images that :func:`write_styles` wrote, matched by bytes and label.

    The label belongs to it, because an image is counter-style for its label.

    Parameters
    ----------
    path
        The CSV file. It may have more images.
    images
        N images.

    Raises
    ------
    DataError
        It cannot be read, contradicts itself, or lacks some of the images or has another label for
        them.
    """
    try:
        known = _read(path)
    except (OSError, csv.Error, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise DataError(
            f"{path}: expected the styles.csv of 'cxr audit DATA --styles DIR', it cannot be read: "
            f"{reason}"
        ) from exc
    keys = [
        (digest, image.class_in(images.classes))
        for digest, image in zip(images.sha256, images.images, strict=True)
    ]
    if missing := [digest for digest, label in keys if (digest, label) not in known]:
        there = {digest for digest, _ in known}
        relabelled = sum(digest in there for digest in missing)
        other = f", and {relabelled} have another label in it" if relabelled else ""
        raise DataError(
            f"{path}: expected a cluster for each of the {len(keys)} images, "
            f"{len(missing) - relabelled} are not in it{other}; run 'cxr audit DATA --styles DIR' "
            "on these images"
        )
    found = [known[key] for key in keys]
    cluster = np.array([number for number, _ in found], np.int64)
    counts = np.bincount(cluster)
    shares = np.bincount(cluster, weights=images.labels == 1) / np.maximum(counts, 1)
    return Styles(cluster, shares, np.array([counter for _, counter in found], bool))


def _read(path: Path) -> dict[tuple[str, str], tuple[int, bool]]:
    """Return cluster and mark by SHA-256 and label; ValueError with what is wrong."""
    known: dict[tuple[str, str], tuple[int, bool]] = {}
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        lines = csv.reader(file, strict=True)
        header = next(lines, [])
        if lacking := [name for name in _READ if name not in header]:
            raise ValueError(f"it has no column {', '.join(lacking)}")
        for line in lines:
            if len(line) != len(header):
                raise ValueError(
                    f"line {lines.line_num}: expected {len(header)} fields, got {len(line)}"
                )
            row = dict(zip(header, line, strict=True))
            if not _CLUSTER.fullmatch(row["cluster"]) or row["counter_style"] not in _MARKS:
                raise ValueError(
                    f"line {lines.line_num}: expected a cluster from 0 to 9999 and yes or no, "
                    f"got {row['cluster'][:20]!r} and {row['counter_style'][:20]!r}"
                )
            found = int(row["cluster"]), _MARKS[row["counter_style"]]
            if known.setdefault((row["sha256"], row["label"]), found) != found:
                raise ValueError(
                    f"line {lines.line_num}: expected one cluster for an image, got another than "
                    "above"
                )
    return known
