"""The group by appearance that a model is judged by."""

from collections.abc import Mapping
from typing import Final

from cxr_edge.evaluation.style_groups import COUNTER, GroupFigures
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.validation import WorstGroup, auc_statement

ALL: Final = "all images"
"""Name in place of a group's where no group is worse."""


def worst_group(groups: Mapping[str, GroupFigures]) -> tuple[str, Interval] | None:
    """Return the group with the smallest AUC, and that AUC; None where no group states one."""
    known = [(name, area) for name, found in groups.items() if (area := found.worst) is not None]
    return min(known, key=lambda pair: pair[1].value, default=None)


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
