"""Decisions that follow from the scores of validated images: calibration and thresholds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.styles import Styles
from cxr_edge.evaluation.platt import UNCALIBRATED, Platt, fit_platt
from cxr_edge.evaluation.review import review_band
from cxr_edge.evaluation.shifts import CLEAN
from cxr_edge.evaluation.style_groups import GroupFigures, figures_by_style
from cxr_edge.metrics.operating_points import choose_operating_points
from cxr_edge.metrics.prior import prior_weights
from cxr_edge.spec.operating_point import SCREENING, OperatingPoint
from cxr_edge.spec.review_band import ReviewBand
from cxr_edge.spec.validation import Prior
from cxr_edge.training.config import FitConfig
from cxr_edge.training.scores import Scores

DEFAULT_OPERATING_POINT: Final = SCREENING
"""Default of new models: a missed positive image costs more than a false positive."""


@dataclass(frozen=True)
class Validated:
    """Validated images, and what was decided by them."""

    images: ImageSet
    """N images; each was scored by a network that did not see its patient."""
    styles: Styles | None
    """Their clusters by appearance; None where they are not known."""
    platt: Platt
    """Calibration of the network."""
    copies: Mapping[str, NDArray[np.float32]]
    """Name of a changed copy to calibrated probabilities, shape (N,)."""
    points: tuple[OperatingPoint, ...]
    """Operating points chosen on all copies."""
    prior: Prior | None
    """Share of counter-style images for which all was chosen; None for that of the images."""

    @property
    def default_point(self) -> OperatingPoint:
        """The default operating point."""
        return next(point for point in self.points if point.name == DEFAULT_OPERATING_POINT)

    @property
    def scores(self) -> NDArray[np.float32]:
        """Calibrated probabilities of the images as they are, shape (N,)."""
        return self.copies[CLEAN]

    @property
    def groups(self) -> dict[str, GroupFigures]:
        """Figures by appearance at the default operating point; empty where it is not known."""
        if self.styles is None:
            return {}
        return figures_by_style(self.images.labels, self.scores, self.styles, self.default_point)

    @property
    def review_band(self) -> ReviewBand | None:
        """Band in which a person should decide; None for too few images."""
        return review_band(self.images, self.scores, self.styles, self.default_point.threshold)


def validate(
    images: ImageSet, logits: Scores, styles: Styles | None, config: FitConfig
) -> Validated:
    """Calibrate and choose operating points on scored images.

    Parameters
    ----------
    images
        N images of both classes.
    logits
        Logits of them and of their changed copies, before calibration.
    styles
        Their clusters by appearance.
    config
        Settings of the run. Its prior needs styles.
    """
    labels = images.labels
    weights, unweighted = None, tuple[int, ...]()
    if config.prior is not None and styles is not None:
        weights, unweighted = prior_weights(labels, styles.counter, config.prior)
    platt = fit_platt(labels, logits[CLEAN], weights) if config.calibrate else UNCALIBRATED
    copies = {name: platt.probabilities(values) for name, values in logits.items()}
    changed = [scores for name, scores in copies.items() if name != CLEAN]
    keep = config.screening_sensitivity
    points = choose_operating_points(labels, copies[CLEAN], changed, weights, keep)
    prior = None
    if weights is not None and config.prior is not None:
        without = choose_operating_points(labels, copies[CLEAN], changed, keep=keep)
        prior = Prior(config.prior, without, tuple(images.classes[label] for label in unweighted))
    return Validated(images, styles, platt, copies, points, prior)
