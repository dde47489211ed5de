"""Figures by appearance as they travel with a model, and back."""

from collections.abc import Mapping, Sequence

from cxr_edge.evaluation.figures import ConfusionMatrix
from cxr_edge.evaluation.style_groups import COUNTER, EASY, GroupFigures
from cxr_edge.evaluation.worst_group import worst_group
from cxr_edge.spec.operating_point import OperatingPoint
from cxr_edge.spec.validation import StyleGroup


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
