"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; None becomes a dash, and a bar in a cell is escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(
        "| " + " | ".join("-" if cell is None else _cell(cell) for cell in line) + " |"
        for line in lines
    )


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|")
