"""Platt's calibration of a model's scores."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression

from cxr_edge.metrics.calibration import probability

_NO_PENALTY: Final = 1e6


@dataclass(frozen=True)
class Platt:
    """Calibrated logit = slope x logit + shift."""

    slope: float
    """Factor of the logit; above 1 where the network was too cautious."""
    shift: float
    """Summand."""

    def probabilities(self, logits: ArrayLike) -> NDArray[np.float32]:
        """Return the calibrated probabilities of logits, of the same shape."""
        calibrated = self.slope * np.asarray(logits, np.float64) + self.shift
        return probability(calibrated).astype(np.float32)


UNCALIBRATED: Final = Platt(1.0, 0.0)
"""Calibration that changes nothing."""


def fit_platt(labels: ArrayLike, logits: ArrayLike, weights: ArrayLike | None = None) -> Platt:
    """Fit the calibration of logits by maximum likelihood, with Platt's targets.

    A positive image counts as (P + 1) / (P + 2), a negative one as 1 / (N + 2), for P positives and
    N negatives: so the slope stays finite if the classes are separated perfectly.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class; both occur.
    logits
        Shape (N,).
    weights
        Shape (N,), what each image counts; equal by default.

    Returns
    -------
    Platt
        Slope 1 and shift 0 if higher logits do not go with the positive class: a
        calibration must not reverse a network silently.

    References
    ----------
    J. Platt: Probabilistic outputs for support vector machines. Advances in Large Margin
    Classifiers, 1999.
    """
    truth = np.asarray(labels) == 1
    positives, negatives = int(truth.sum()), int((~truth).sum())
    targets = np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    # Each image as a positive and as a negative one, weighted by its target.
    x = np.tile(np.asarray(logits, np.float64), 2)[:, np.newaxis]
    y = np.repeat([1, 0], len(truth))
    fitted = LogisticRegression(C=_NO_PENALTY, max_iter=1000)
    counted = np.ones(len(truth)) if weights is None else np.asarray(weights, np.float64)
    fitted.fit(x, y, sample_weight=np.concatenate([targets * counted, (1 - targets) * counted]))
    slope, shift = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return Platt(slope, shift) if slope > 0 else UNCALIBRATED
