"""Tables of figures, for the terminal and as the Markdown of reports and model cards."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cxr_edge.evaluation.counterfactual import SMALL, ProbabilityShift
from cxr_edge.evaluation.figures import Figures


@dataclass(frozen=True)
class FigureTable:
    """Titles and rows of text."""

    columns: tuple[str, ...]
    """Titles of K columns."""
    rows: tuple[tuple[str, ...], ...]
    """Rows of K cells; a dash for no value."""

    @property
    def markdown(self) -> str:
        """The table in Markdown; a bar in a cell is escaped."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return "\n".join(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
        )


def figure_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> FigureTable:
    """Return a table of values as text; None becomes a dash."""
    return FigureTable(
        tuple(columns),
        tuple(tuple("-" if cell is None else str(cell) for cell in row) for row in rows),
    )


def points_table(figures: Figures) -> FigureTable:
    """Return one row per operating point, with Wilson's 95 % intervals."""
    return figure_table(
        ("operating point", "threshold", "sensitivity", "specificity", "PPV", "NPV", "accuracy"),
        (
            (p.name, f"{p.threshold:.6f}", p.sensitivity, p.specificity, p.ppv, p.npv, p.accuracy)
            for p in figures.points
        ),
    )


def copies_table(copies: Mapping[str, Figures], point: str) -> FigureTable:
    """Return one row per changed copy of the images, at the operating point called ``point``."""
    at = {name: figures.point(point) for name, figures in copies.items()}
    return figure_table(
        ("images", "AUC", *(f"{share} at {point}" for share in ("sensitivity", "specificity"))),
        (
            (name, figures.auc, at[name].sensitivity, at[name].specificity)
            for name, figures in copies.items()
        ),
    )


def shifts_table(counterfactual: Mapping[str, ProbabilityShift]) -> FigureTable:
    """Return one row per change of markers, borders or sharpness."""
    return figure_table(
        (
            "change",
            "mean change of p",
            f"moved less than {SMALL}",
            "labels flipped",
            "to positive",
            "to negative",
        ),
        (
            (
                name,
                f"{shift.mean:.4f}",
                f"{shift.small:.1%}",
                shift.flipped,
                shift.to_positive,
                shift.to_negative,
            )
            for name, shift in counterfactual.items()
        ),
    )
