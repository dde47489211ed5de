"""Tables on the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import typer

_WIDTH: Final = 400
"""Wider than any table: a narrow terminal wraps lines, and no figure is cut."""

_NARROW: Final = 80
"""What sentences are folded to."""


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


def print_facts(title: str, rows: Iterable[tuple[str, str]]) -> None:
    """Print names and what is to be said of each, below a title; folded to 80 columns."""
    import textwrap

    told = list(rows)
    names = max(len(name) for name, _ in told) + 2
    typer.echo(title)
    for name, value in told:
        lines = textwrap.wrap(value, _NARROW - names, break_on_hyphens=False) or [""]
        for number, line in enumerate(lines):
            typer.echo(f"{'' if number else name:{names}}{line}".rstrip())


def listed(kinds: Mapping[str, int]) -> str:
    """Return counts by kind on one line."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
