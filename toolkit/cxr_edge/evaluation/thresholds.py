"""Text on a model's thresholds: predictive values to expect, and the effect of a prior."""

from cxr_edge.evaluation.tables import FigureTable, figure_table
from cxr_edge.metrics.operating_points import PREVALENCES, predictive_values
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint


def expected_table(spec: ModelSpec) -> FigureTable:
    """Return the PPV and NPV to expect of each operating point, by prevalence."""
    rates = "weighted PPV / NPV" if spec.prior else "PPV / NPV"
    columns = (
        "operating point",
        *(f"{rates} at {100 * prevalence:g} %" for prevalence in PREVALENCES),
    )
    points = filter(_has_figures, spec.operating_points)
    return figure_table(columns, ((point.name, *_expected(point)) for point in points))


def _has_figures(point: OperatingPoint) -> bool:
    return point.sensitivity is not None and point.specificity is not None


def _expected(point: OperatingPoint) -> list[str]:
    assert point.sensitivity is not None
    assert point.specificity is not None
    cells = []
    for prevalence in PREVALENCES:
        values = predictive_values(point.sensitivity.value, point.specificity.value, prevalence)
        cells.append(" / ".join("-" if value is None else f"{value:.3f}" for value in values))
    return cells


def prior_text(spec: ModelSpec) -> list[str]:
    """Return Markdown on the prior of a model and what it did to the thresholds; [] without."""
    facts = spec.provenance
    if facts is None or facts.prior is None:
        return []
    prior = facts.prior
    text = (
        "Calibration and thresholds were chosen for a deployment in which "
        f"{100 * prior.share:g} % of each class look like the other one (--prior). Thresholds, "
        f"sensitivity and specificity in such a deployment, {prior}, and the thresholds for the "
        "share in the data:"
    )
    equal = [
        f"{name} images kept equal weights: none of them, or all, look like the other class."
        for name in prior.unweighted
    ]
    rows = [
        (
            one.name,
            f"{one.threshold:.6f}",
            f"{chosen.threshold:.6f}",
            chosen.sensitivity,
            chosen.specificity,
        )
        for one in prior.points_without
        for chosen in (spec.operating_point(one.name),)
    ]
    columns = (
        "operating point",
        "threshold without --prior",
        "threshold",
        *spec.rate_titles,
    )
    return [text, figure_table(columns, rows).markdown, *equal]
