"""Tables on the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_WIDTH: Final = 400
"""Wider than any table: a narrow terminal wraps lines, and no figure is cut."""


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table whose first column is text and whose others are figures."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for number, title in enumerate(columns):
        table.add_column(title, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, markup=False, width=_WIDTH).print(table)


def listed(kinds: Mapping[str, int]) -> str:
    """Return counts by kind on one line."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
