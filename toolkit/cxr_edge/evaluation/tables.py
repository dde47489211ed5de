"""Figures as the Markdown tables that run reports, evaluation reports and cards share."""

from collections.abc import Mapping

from cxr_edge.evaluation.counterfactual import SMALL, ProbabilityShift
from cxr_edge.evaluation.figures import Figures
from cxr_edge.evaluation.markdown import table

OFFICIAL_PREVALENCE = 0.625
"""Share of pneumonias among the 624 test images of the Kermany set; in training it is 0.74."""


def points_table(figures: Figures) -> str:
    """Return one row an operating point, with Wilson's 95 % intervals."""
    columns = (
        "operating point",
        "threshold",
        "sensitivity",
        "specificity",
        "PPV",
        "NPV",
        "accuracy",
    )
    return table(
        columns,
        (
            (p.name, f"{p.threshold:.6f}", p.sensitivity, p.specificity, p.ppv, p.npv, p.accuracy)
            for p in figures.points
        ),
    )


def copies_table(copies: Mapping[str, Figures], point: str) -> str:
    """Return one row a changed copy of the images, at the operating point called ``point``."""
    rows = []
    for name, figures in copies.items():
        here = figures.point(point)
        accuracy = here.accuracy_at(OFFICIAL_PREVALENCE)
        rows.append(
            (
                name,
                figures.auc,
                here.sensitivity,
                here.specificity,
                None if accuracy is None else f"{accuracy:.3f}",
            )
        )
    columns = (
        "images", "AUC", f"sensitivity at {point}", f"specificity at {point}",
        f"accuracy at a prevalence of {OFFICIAL_PREVALENCE:.1%}",
    )  # fmt: skip
    return table(columns, rows)


def shifts_table(counterfactual: Mapping[str, ProbabilityShift]) -> str:
    """Return one row a change of marks or borders."""
    return table(
        (
            "change", "mean change of p", f"moved less than {SMALL}", "labels flipped",
            "to positive", "to negative",
        ),
        (
            (
                name, f"{moved.mean:.4f}", f"{moved.small:.1%}", moved.flipped, moved.to_positive,
                moved.to_negative,
            )
            for name, moved in counterfactual.items()
        ),
    )  # fmt: skip
