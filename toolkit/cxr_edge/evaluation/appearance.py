"""Figures by appearance as a table, and as the section of a report."""

from collections.abc import Mapping
from typing import Final

from cxr_edge.evaluation.style_groups import LEAST, GroupFigures
from cxr_edge.evaluation.tables import FigureTable, figure_table
from cxr_edge.evaluation.worst_group import worst_group

EXPLAINED: Final = (
    "Each AUC compares a group's images of one class with all images of the other class; '-' "
    f"stands for fewer than {LEAST} such images in the group."
)
"""Meaning of the AUCs of :func:`groups_table`."""


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
