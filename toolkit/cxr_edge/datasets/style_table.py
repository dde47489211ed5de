"""Clusters by appearance, for a person to look at: a picture and the counts of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.classes import Classes
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.styles import Styles
from cxr_edge.imaging.plot_style import new_figure, plot_style, save

_SHOWN: Final = 8
"""Images of each class shown per cluster, at most."""

_SIDE: Final = 80
"""Width and height of an image in the picture, pixels."""

_GAP: Final = 8

_INCH: Final = 100
"""Pixels per inch of the picture's size."""


@dataclass(frozen=True)
class ClusterFacts:
    """Counts of one cluster."""

    number: int
    """Number of the cluster; 0 has the smallest share of positives."""
    negatives: int
    """Images of the negative class."""
    positives: int
    """Images of the positive class."""
    counter: int
    """Images whose class is rare in it."""

    @property
    def share(self) -> float:
        """Share of positive images."""
        return self.positives / (self.negatives + self.positives)


def cluster_facts(styles: Styles, labels: NDArray[np.int64]) -> list[ClusterFacts]:
    """Return the counts of each cluster, by number.

    Parameters
    ----------
    styles
        Clusters of N images.
    labels
        Their labels, shape (N,): 1 for the positive class, 0 for the negative.
    """
    found = []
    for number in range(len(styles.shares)):
        inside = styles.cluster == number
        positives = int((labels[inside] == 1).sum())
        counter = int(styles.counter[inside].sum())
        found.append(ClusterFacts(number, int(inside.sum()) - positives, positives, counter))
    return found


@plot_style()
def draw_styles(path: Path, images: ImageSet, styles: Styles) -> None:
    """Write a picture with a row per cluster: images of the negative class, then of the positive.

    Parameters
    ----------
    path
        The PNG.
    images
        N images.
    styles
        Their clusters.
    """
    facts = cluster_facts(styles, images.labels)
    rows = [
        np.hstack(
            [
                _strip(images, np.flatnonzero((styles.cluster == one.number) & of_class))
                for of_class in (images.labels == 0, images.labels == 1)
            ]
        )
        for one in facts
    ]
    height, width = len(rows) * _SIDE / _INCH, rows[0].shape[1] / _INCH
    figure = new_figure(width + 2.4, height + 0.5)
    axis = figure.subplots()
    axis.imshow(np.vstack(rows), cmap="gray", vmin=0, vmax=255, aspect="auto")
    axis.set_yticks(
        [(number + 0.5) * _SIDE for number in range(len(rows))],
        [_caption(one, images.classes) for one in facts],
        fontsize=8,
    )
    axis.set_xticks([])
    axis.spines[:].set_visible(False)
    figure.suptitle(f"Clusters by appearance: {images.classes[0]} left, {images.classes[1]} right")
    save(figure, path)


def _caption(facts: ClusterFacts, classes: Classes) -> str:
    return (
        f"{facts.number}: {facts.share:.0%} {classes[1]}\n{facts.negatives} + {facts.positives}, "
        f"counter-style {facts.counter}"
    )


def _strip(images: ImageSet, members: Sequence[int] | NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return up to eight of these images side by side, evenly taken from all of them."""
    strip = np.full((_SIDE, _SHOWN * _SIDE + _GAP), 255, np.uint8)
    count = min(_SHOWN, len(members))
    for place, index in enumerate(np.linspace(0, len(members) - 1, count).astype(int)):
        gray = images.pixels[members[index], :, :, 0]
        left = place * _SIDE
        strip[:, left : left + _SIDE] = cv2.resize(
            gray, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA
        )
    return strip
