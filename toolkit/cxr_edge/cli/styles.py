"""Clusters by appearance for ``cxr audit``: computed, printed and written."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from cxr_edge.errors import ModelInvalid
from cxr_edge.extras import needs_extra

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cxr_edge.datasets.audit import ReadSet
    from cxr_edge.datasets.image_set import ImageSet
    from cxr_edge.datasets.style_table import ClusterFacts

IMAGENET: Final = "imagenet"
"""Name of the features of a network that has seen photographs only."""

TABLE: Final = "styles.csv"
PICTURE: Final = "styles.png"


def find_and_write_styles(read: "ReadSet", features: str, out: Path) -> None:
    """Cluster the images of a set, print the clusters, and write table and picture.

    Parameters
    ----------
    read
        A set that was read; exact duplicates are left out.
    features
        :data:`IMAGENET`, or a model as :func:`cxr_edge.models.open.open_artefact` takes it.
    out
        Folder for ``styles.csv`` and ``styles.png``; created.

    Raises
    ------
    DataError
        The set is too small to cluster, or has one class only.
    ModelInvalid
        The model gives no features.
    MissingExtra
        An extra is not installed.
    OSError
        The folder cannot be written.
    """
    with needs_extra("cxr audit --styles", "evaluate"):
        from cxr_edge.datasets.clustering import find_styles
        from cxr_edge.datasets.style_file import write_styles
        from cxr_edge.datasets.style_table import cluster_facts, draw_styles
    from cxr_edge.storage.atomic import atomic_write

    images, vectors = _features(read, features)
    styles = find_styles(vectors, images.labels)
    out.mkdir(parents=True, exist_ok=True)
    write_styles(out / TABLE, images, styles)
    with atomic_write(out / PICTURE) as picture:
        draw_styles(picture, images, styles)
    _print(cluster_facts(styles, images.labels), images)
    typer.echo(f"wrote {out / TABLE} and {out / PICTURE}")


def _features(read: "ReadSet", features: str) -> tuple["ImageSet", "NDArray[np.float32]"]:
    from cxr_edge.datasets.image_set import load_images
    from cxr_edge.models.open import open_artefact
    from cxr_edge.runtimes.batches import run_in_batches

    listed = read.images
    if features == IMAGENET:
        with needs_extra("--features imagenet", "train"):
            from cxr_edge.training.imagenet_features import FEATURE_INPUT, imagenet_features
        images = load_images(listed, read.classes, FEATURE_INPUT)
        return images, imagenet_features(images.pixels)
    model = open_artefact(features)
    images = load_images(listed, read.classes, model.spec.input)
    vectors = run_in_batches(model.runtime, images.pixels).features
    if vectors is None:
        raise ModelInvalid(
            f"--features: expected a model with an output of features, {model.tag} gives "
            f"probabilities alone; use --features {IMAGENET}"
        )
    return images, vectors


def _print(clusters: "list[ClusterFacts]", images: "ImageSet") -> None:
    from cxr_edge.cli.tables import print_table

    negative, positive = images.classes
    print_table(
        ("cluster", negative, positive, f"share of {positive}", "counter-style"),
        [
            (
                str(one.number),
                str(one.negatives),
                str(one.positives),
                f"{one.share:.1%}",
                str(one.counter),
            )
            for one in clusters
        ],
    )
    counter = sum(one.counter for one in clusters)
    typer.echo(
        f"{counter} of {len(images.images)} images are counter-style: they look like the other "
        "class. 'cxr train --validate styles' holds them out."
    )
