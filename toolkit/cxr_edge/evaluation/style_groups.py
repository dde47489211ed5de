"""Figures by appearance: easy images, counter-style images, and each cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxr_edge.datasets.styles import Styles
from cxr_edge.evaluation.figures import ConfusionMatrix, figures
from cxr_edge.evaluation.tables import FigureTable, figure_table
from cxr_edge.metrics.roc import auc
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.validation import StyleGroup, WorstGroup, auc_statement

LEAST: Final = 20
"""Images of a class in a group from which their AUC is stated."""

EASY: Final = "easy"
COUNTER: Final = "counter-style"
"""Names of the groups that are no cluster."""

ALL: Final = "all images"
"""Name in place of a group's where no group is worse."""

EXPLAINED: Final = (
    "Each AUC compares a group's images of one class with all images of the other class; '-' "
    f"stands for fewer than {LEAST} such images in the group."
)
"""Meaning of the AUCs of :func:`groups_table`."""


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


def worst_group(groups: Mapping[str, GroupFigures]) -> tuple[str, Interval] | None:
    """Return the group with the smallest AUC, and that AUC; None where no group states one."""
    known = [(name, area) for name, found in groups.items() if (area := found.worst) is not None]
    return min(known, key=lambda pair: pair[1].value, default=None)


def stated_auc(overall: Interval | None, groups: Mapping[str, GroupFigures]) -> str:
    """Return the AUC of an evaluation as it is stated everywhere; "AUC -" for one class alone.

    Parameters
    ----------
    overall
        AUC of all images; None where a class is missing.
    groups
        Figures by appearance, by name; may be empty.
    """
    if overall is None:
        return "AUC -"
    return auc_statement(overall, worst_of(groups, overall), "on these images")


def worst_of(groups: Mapping[str, GroupFigures], overall: Interval) -> WorstGroup | None:
    """Return the group that a model is judged by: the worst one, or all images if they are worse.

    Parameters
    ----------
    groups
        Figures by name; None is returned without any.
    overall
        AUC of all images. A group of few images states none, and the others can then be better.
    """
    if not groups:
        return None
    measured = COUNTER in groups and groups[COUNTER].worst is not None
    name, area = worst_group(groups) or (ALL, overall)
    if area.value >= overall.value:
        name, area = ALL, overall
    return WorstGroup(name, area, counter_style=measured)


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


def stated_groups(groups: Mapping[str, GroupFigures]) -> tuple[StyleGroup, ...]:
    """Return the groups that travel with a model: easy, counter-style and the worst one."""
    worst = worst_group(groups)
    names = dict.fromkeys((EASY, COUNTER, *([worst[0]] if worst else [])))
    return tuple(_stated(name, groups[name]) for name in names if name in groups)


def _stated(name: str, found: GroupFigures) -> StyleGroup:
    at = found.at_point
    error = found.calibration_error
    assert error is not None  # it is missing in files of earlier versions alone
    return StyleGroup(
        name, found.negatives_auc, found.positives_auc, at.tp, at.fn, at.tn, at.fp, error
    )


def groups_of(stated: Sequence[StyleGroup], point: OperatingPoint) -> dict[str, GroupFigures]:
    """Return the groups that a model states; ``point`` is its default operating point."""
    return {
        one.name: GroupFigures(
            one.negatives_auc,
            one.positives_auc,
            ConfusionMatrix(point.name, point.threshold, one.tp, one.fn, one.tn, one.fp),
            one.calibration_error,
        )
        for one in stated
    }


def groups_table(groups: Mapping[str, GroupFigures]) -> FigureTable:
    """Return one row per group, with 95 % intervals."""
    return figure_table(
        (
            "images", "AUC of negatives", "AUC of positives", "specificity", "sensitivity",
            "false positives", "false negatives", "calibration error",
        ),
        (
            (
                name,
                found.negatives_auc,
                found.positives_auc,
                found.at_point.specificity,
                found.at_point.sensitivity,
                _part(found.at_point.fp, found.at_point.fp + found.at_point.tn),
                _part(found.at_point.fn, found.at_point.fn + found.at_point.tp),
                None if found.calibration_error is None else f"{found.calibration_error:.4f}",
            )
            for name, found in groups.items()
        ),
    )  # fmt: skip


def _part(count: int, total: int) -> str | None:
    return f"{count} of {total}" if total else None


def by_appearance(groups: Mapping[str, GroupFigures], point: str) -> list[str]:
    """Return Markdown of the worst group and of all groups; nothing without groups.

    Parameters
    ----------
    groups
        Figures by name.
    point
        Name of the operating point of sensitivity and specificity.
    """
    if not groups:
        return []
    worst = worst_group(groups)
    headline = f"Worst group: {worst[0]}, AUC {worst[1]}. " if worst else ""
    text = (
        f"{headline}Counter-style images look like the other class. {EXPLAINED} Sensitivity, "
        f"specificity and errors are those at {point}."
    )
    return [text, groups_table(groups).markdown]
