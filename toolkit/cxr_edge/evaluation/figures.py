"""Figures of one set of scored images, at every operating point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr_edge.metrics.calibration import calibration_error
from cxr_edge.metrics.proportions import wilson
from cxr_edge.metrics.roc import auc
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS, OperatingPoint


@dataclass(frozen=True)
class ConfusionMatrix:
    """Counts of right and wrong labels at one threshold, and the shares that follow from them."""

    name: str
    """Name of the operating point."""
    threshold: float
    """Probability from which an image counts as positive."""
    tp: int
    """Count of true positives."""
    fn: int
    """Count of false negatives."""
    tn: int
    """Count of true negatives."""
    fp: int
    """Count of false positives."""

    @property
    def sensitivity(self) -> Interval | None:
        """Share of positive images labelled so (recall), Wilson; None without positive images."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> Interval | None:
        """Share of negative images labelled so, Wilson; None without negative images."""
        return _share(self.tn, self.tn + self.fp)

    @property
    def ppv(self) -> Interval | None:
        """Share of positive labels that are right (precision), at these images' prevalence."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def npv(self) -> Interval | None:
        """Share of negative labels that are right, at these images' prevalence."""
        return _share(self.tn, self.tn + self.fn)

    @property
    def accuracy(self) -> Interval | None:
        """Share of labels that are right, Wilson."""
        return _share(self.tp + self.tn, self.tp + self.fn + self.tn + self.fp)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` wrote; the shares follow from the counts."""
        return cls(**{key: data[key] for key in ("name", "threshold", "tp", "fn", "tn", "fp")})

    def to_dict(self) -> dict[str, Any]:
        """Return counts and shares as JSON-ready data."""
        shares = {name: _interval(getattr(self, name)) for name in SHARES}
        return {**vars(self), **shares}


SHARES: Final = ("sensitivity", "specificity", "ppv", "npv", "accuracy")
"""Names of the shares of a :class:`ConfusionMatrix`."""


@dataclass(frozen=True)
class Figures:
    """Figures of one set of scored images."""

    images: int
    """Count of images."""
    positives: int
    """Count of images of the positive class."""
    auc: Interval | None
    """Area under the ROC curve with DeLong's interval; None where a class is missing."""
    calibration_error: float
    """Expected calibration error; see :func:`cxr_edge.metrics.calibration.calibration_error`."""
    brier: float
    """Mean squared difference of probability and truth."""
    points: tuple[ConfusionMatrix, ...]
    """Confusion matrices, one per operating point."""

    def point(self, name: str) -> ConfusionMatrix:
        """Return the figures at the operating point called ``name``."""
        return next(point for point in self.points if point.name == name)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` wrote."""
        return cls(
            images=data["films"],
            positives=data["positives"],
            auc=Interval.from_dict(data["auc"]) if data["auc"] else None,
            calibration_error=data["calibration_error"],
            brier=data["brier"],
            points=tuple(ConfusionMatrix.from_dict(point) for point in data["points"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data; :meth:`from_dict` is its inverse."""
        return {
            "films": self.images,
            "positives": self.positives,
            "auc": _interval(self.auc),
            "calibration_error": self.calibration_error,
            "brier": self.brier,
            "points": [point.to_dict() for point in self.points],
        }


def figures(
    labels: ArrayLike, probabilities: ArrayLike, points: Sequence[OperatingPoint]
) -> Figures:
    """Return the figures of scored images.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class; N is at least 1.
    probabilities
        Shape (N,); compared with thresholds at the decimals of the report.
    points
        Operating points of the model.
    """
    truth = np.asarray(labels) == 1
    scores = np.asarray(probabilities, np.float64).round(PROBABILITY_DECIMALS)
    both = truth.any() and not truth.all()
    return Figures(
        images=len(truth),
        positives=int(truth.sum()),
        auc=auc(truth, scores) if both else None,
        calibration_error=calibration_error(truth, scores),
        brier=float(np.mean((scores - truth) ** 2)),
        points=tuple(_at(point, truth, scores) for point in points),
    )


def _at(
    point: OperatingPoint, truth: NDArray[np.bool_], scores: NDArray[np.float64]
) -> ConfusionMatrix:
    called = scores >= point.threshold
    tp, fp = int(called[truth].sum()), int(called[~truth].sum())
    fn, tn = int(truth.sum()) - tp, int((~truth).sum()) - fp
    return ConfusionMatrix(point.name, point.threshold, tp=tp, fn=fn, tn=tn, fp=fp)


def _share(count: int, total: int) -> Interval | None:
    return wilson(count, total) if total else None


def _interval(interval: Interval | None) -> dict[str, Any] | None:
    return interval.to_dict() if interval else None
