"""Clusters by appearance for ``cxr audit``: computed, printed and written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from cxr_edge.cli.model_argument import existing_model
from cxr_edge.errors import ModelInvalid
from cxr_edge.extras import needs_extra
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.system.progress import stage

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


def features_exist(param: typer.CallbackParam, value: str) -> str:
    """Return the features that a user named: :data:`IMAGENET`, or a model that is there."""
    return value if value == IMAGENET else existing_model(param, value)


@dataclass(frozen=True)
class FeatureSource:
    """A network that gives features of images."""

    input: InputSpec
    """Pixels that it takes."""
    of: "Callable[[NDArray[np.uint8]], NDArray[np.float32]]"
    """Features of pixels (N, H, W, C), shape (N, d)."""


def open_features(features: str) -> FeatureSource:
    """Open the network of ``--features``, before images are read for it.

    Parameters
    ----------
    features
        :data:`IMAGENET`, or a model as :func:`cxr_edge.models.open.open_artefact` takes it.

    Raises
    ------
    ModelError
        The model cannot be opened, or gives no features.
    MissingExtra
        An extra is not installed.
    """
    with needs_extra("cxr audit --styles", "evaluate"):
        import cxr_edge.datasets.clustering
        import cxr_edge.datasets.style_table  # noqa: F401
    if features == IMAGENET:
        with stage("loading Keras"), needs_extra("--features imagenet", "train"):
            from cxr_edge.training.imagenet_features import FEATURE_INPUT, imagenet_features
        return FeatureSource(FEATURE_INPUT, imagenet_features)

    import numpy as np

    from cxr_edge.models.open import open_artefact
    from cxr_edge.runtimes.batches import run_in_batches

    model = open_artefact(features, features=True)

    def of(pixels: "NDArray[np.uint8]") -> "NDArray[np.float32]":
        found = run_in_batches(model.runtime, pixels, what="finding features").features
        if found is None:
            raise ModelInvalid(
                f"--features: expected a model with an output of features, {model.tag} gives "
                f"probabilities alone; use --features {IMAGENET}"
            )
        return found

    of(np.zeros((1, *model.spec.input.shape), np.uint8))
    return FeatureSource(model.spec.input, of)


def find_and_write_styles(read: "ReadSet", features: FeatureSource, out: Path) -> None:
    """Cluster the images of a set, print the clusters, and write table and picture.

    Parameters
    ----------
    read
        A set that was read; exact duplicates are left out.
    features
        Network whose features are clustered.
    out
        Folder for ``styles.csv`` and ``styles.png``; created.

    Raises
    ------
    DataError
        The set is too small to cluster, or has one class only.
    OSError
        The folder cannot be written.
    """
    from cxr_edge.datasets.clustering import find_styles
    from cxr_edge.datasets.image_set import load_images
    from cxr_edge.datasets.style_file import write_styles
    from cxr_edge.datasets.style_table import cluster_facts, draw_styles
    from cxr_edge.storage.atomic import atomic_write

    images = load_images(read.images, read.classes, features.input)
    with stage("clustering by appearance"):
        styles = find_styles(features.of(images.pixels), images.labels)
    out.mkdir(parents=True, exist_ok=True)
    write_styles(out / TABLE, images, styles)
    with atomic_write(out / PICTURE) as picture:
        draw_styles(picture, images, styles)
    _print(cluster_facts(styles, images.labels), images)
    typer.echo(f"wrote {out / TABLE} and {out / PICTURE}")


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
