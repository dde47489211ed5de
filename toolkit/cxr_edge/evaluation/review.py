"""The review band of a model: chosen on scored images, measured on patients left out of it."""

from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.folds import folds_of
from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError
from cxr_edge.evaluation.style_groups import COUNTER, EASY
from cxr_edge.evaluation.tables import FigureTable, figure_table
from cxr_edge.metrics.conformal import conformal_limits
from cxr_edge.spec.review_band import BandGroup, ReviewBand, is_for_review

COVERAGE: Final = 0.9
"""Coverage of the review band, unless told."""

_FOLDS: Final = 5
_SEED: Final = 2021


def review_band(
    images: ImageSet,
    scores: NDArray[np.float32],
    styles: Styles | None,
    threshold: float,
    coverage: float = COVERAGE,
) -> ReviewBand | None:
    """Choose the review band of a model, and measure what it does.

    The coverage that is stated was measured by five folds of the patients: for each, the band was
    chosen on the others.

    Parameters
    ----------
    images
        N images that the network did not learn from.
    scores
        Their probabilities, shape (N,).
    styles
        Their clusters by appearance; None where they are not known.
    threshold
        Default threshold of the model.
    coverage
        Share of the images of each class and appearance that are not to get the wrong label.

    Returns
    -------
    ReviewBand or None
        None for too few images or patients.
    """
    labels, values = images.labels, np.asarray(scores, np.float64)
    odd = styles.counter if styles else np.zeros(len(labels), bool)
    try:
        folds = folds_of(images, _FOLDS, _SEED)
        low, high = conformal_limits(labels, values, odd, coverage)
        outcomes = np.zeros((2, len(labels)), bool)
        for fold in range(1, _FOLDS + 1):
            out = folds == fold
            limits = conformal_limits(labels[~out], values[~out], odd[~out], coverage)
            held = np.array([is_for_review(value, threshold, limits) for value in values[out]])
            outcomes[:, out] = held, ~held & ((values[out] >= threshold) != (labels[out] == 1))
    except (ValueError, DataError):
        return None
    review, wrong = outcomes
    groups = []
    for (label, name), (counter, look) in product(
        enumerate(images.classes), ((False, EASY), (True, COUNTER))
    ):
        inside = (labels == label) & (odd == counter)
        if inside.any():
            groups.append(
                BandGroup(
                    f"{name}, {look}" if styles else name,
                    int(inside.sum()),
                    int(wrong[inside].sum()),
                    int(review[inside].sum()),
                )
            )
    return ReviewBand(coverage, low, high, tuple(groups))


def review_text(band: ReviewBand | None) -> list[str]:
    """Return Markdown on the review band of a model; [] without one."""
    if band is None:
        return []
    text = (
        f"With `cxr scan --review-band`, an image below the threshold is labelled `review` from "
        f"{band.low:.6f}, and an image from the threshold on up to {band.high:.6f}. The limits "
        f"are to keep {100 * band.coverage:g} % of the images of each class and appearance from "
        "the wrong label (split-conformal prediction). Measured at the default threshold, each "
        "image with limits that were chosen without its patient:"
    )
    return ["### Review band", text, review_table(band).markdown]


def review_table(band: ReviewBand) -> FigureTable:
    """Return one row per class and appearance: what the band does to its images."""
    columns = ("images", "count", "for review", "wrong label", "coverage")
    return figure_table(
        columns,
        (
            (
                group.name,
                str(group.images),
                str(group.review),
                str(group.wrong),
                None if group.coverage is None else f"{group.coverage:.3f}",
            )
            for group in band.groups
        ),
    )
