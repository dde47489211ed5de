"""Figures by appearance: easy images, counter-style images, and each cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr_edge.datasets.styles import Styles
from cxr_edge.evaluation.figures import ConfusionMatrix, figures
from cxr_edge.metrics.roc import auc
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.operating_point import OperatingPoint

LEAST: Final = 20
"""Images of a class in a group from which their AUC is stated."""

EASY: Final = "easy"
COUNTER: Final = "counter-style"
"""Names of the groups that are no cluster."""


@dataclass(frozen=True)
class GroupFigures:
    """Figures of the images of one appearance."""

    negatives_auc: Interval | None
    """AUC of the group's negative images against all positive images; None for fewer than
    :data:`LEAST`, or no positive image."""
    positives_auc: Interval | None
    """AUC of the group's positive images against all negative images; None for fewer than
    :data:`LEAST`, or no negative image."""
    at_point: ConfusionMatrix
    """Counts within the group at the default operating point."""
    calibration_error: float | None = None
    """Expected calibration error within the group; None in files of earlier versions."""

    @property
    def worst(self) -> Interval | None:
        """The smaller AUC; None where there is none."""
        known = [area for area in (self.negatives_auc, self.positives_auc) if area]
        return min(known, key=lambda area: area.value, default=None)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` wrote."""
        negatives, positives = data["negatives_auc"], data["positives_auc"]
        return cls(
            Interval.from_dict(negatives) if negatives else None,
            Interval.from_dict(positives) if positives else None,
            ConfusionMatrix.from_dict(data["at_point"]),
            data.get("calibration_error"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data."""
        areas = {"negatives_auc": self.negatives_auc, "positives_auc": self.positives_auc}
        return {
            **{name: area.to_dict() if area else None for name, area in areas.items()},
            "at_point": self.at_point.to_dict(),
            "calibration_error": self.calibration_error,
        }


def figures_by_style(
    labels: ArrayLike, probabilities: ArrayLike, styles: Styles, point: OperatingPoint
) -> dict[str, GroupFigures]:
    """Return the figures of easy and counter-style images and of each cluster of at least 20.

    A group often has one class alone, so its images are compared with all images of the other one.

    Parameters
    ----------
    labels
        Shape (N,), 1 for the positive class, 0 for the negative.
    probabilities
        Shape (N,).
    styles
        Clusters of the N images.
    point
        Default operating point of the model.

    Returns
    -------
    dict of str to GroupFigures
        By name: ``easy``, ``counter-style``, ``cluster 0`` and so on; empty groups are left out.
    """
    truth, scores = np.asarray(labels), np.asarray(probabilities, np.float64)
    members: dict[str, NDArray[np.bool_]] = {EASY: ~styles.counter, COUNTER: styles.counter}
    for number in range(len(styles.shares)):
        inside = styles.cluster == number
        if inside.sum() >= LEAST:
            members[f"cluster {number}"] = inside
    found = {}
    for name, inside in members.items():
        if inside.any():
            within = figures(truth[inside], scores[inside], [point])
            found[name] = GroupFigures(
                negatives_auc=_against_all(truth, scores, inside & (truth == 0), truth == 1),
                positives_auc=_against_all(truth, scores, inside & (truth == 1), truth == 0),
                at_point=within.points[0],
                calibration_error=within.calibration_error,
            )
    return found


def _against_all(
    truth: NDArray[np.int64],
    scores: NDArray[np.float64],
    group: NDArray[np.bool_],
    others: NDArray[np.bool_],
) -> Interval | None:
    if group.sum() < LEAST or not others.any():
        return None
    taken = group | others
    return auc(truth[taken], scores[taken])


def easy_auc(labels: ArrayLike, probabilities: ArrayLike, styles: Styles | None) -> Interval | None:
    """Return the AUC of the images that are not counter-style, about that of a random split.

    Parameters
    ----------
    labels, probabilities
        Shape (N,) each.
    styles
        Clusters of the N images; None is returned without, or where a class has no such image.
    """
    if styles is None:
        return None
    truth, easy = np.asarray(labels), ~styles.counter
    if len(set(truth[easy])) < 2:
        return None
    return auc(truth[easy], np.asarray(probabilities)[easy])
