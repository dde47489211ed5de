"""The one printer of tables on the terminal."""

import re
from collections.abc import Iterable, Iterator, Sequence
from operator import le
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_GAP: Final = 2
"""Spaces between two columns."""

_SENTENCE: Final = 24
"""Least width to which a column of words is folded."""

_READABLE: Final = 100
"""Greatest width of sentences, however wide the terminal is."""

_FIGURE: Final = re.compile(r"[-+±<>≤≥~]?\d|-?$")

Rows = Sequence[Sequence[str]]


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table that fits the terminal, and 80 columns where there is none.

    Figures are aligned right, words left. Where the table is too wide its titles are folded, then
    its widest column of words; where that is not enough, rows become columns, as many at a time as
    fit.

    Parameters
    ----------
    columns
        Titles; the first column is text that tells the rows apart.
    rows
        Cells of each row, as many as there are columns.
    """
    for line in table_lines(columns, rows):
        typer.echo(line)


def table_lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines that :func:`print_table` prints."""
    console = _console()
    cells = [list(row) for row in rows]
    widths = _fitting(columns, cells, console.width)
    if widths:
        figures = [_are_figures(cells, number) for number in range(len(columns))]
        yield from _columns_lines(console, columns, cells, widths, figures)
        return
    while cells:
        count = _count_fitting(columns, cells, console.width)
        turned = [list(column) for column in zip(columns, *cells[:count], strict=True)]
        widths = _fold(_widths(turned), count, console.width)
        yield from _columns_lines(console, turned[0], turned[1:], widths, [False, *[True] * count])
        cells = cells[count:]
        if cells:
            yield ""


def print_facts(title: str, rows: Iterable[tuple[str, str]]) -> None:
    """Print a title, and below it names and what is known of each, folded to the terminal.

    Parameters
    ----------
    title
        A line of its own.
    rows
        Name and value; a name that starts with spaces stands below the one before it.
    """
    from rich.table import Table

    console = _console()
    table = Table.grid(padding=(0, _GAP, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, value)
    typer.echo(title)
    for line in _lines(console, table, min(console.width, _READABLE)):
        typer.echo(line)


def _fitting(columns: Sequence[str], rows: Rows, width: int) -> list[int]:
    """Return widths of the columns with which the table fits; none where it cannot."""
    titles = _widths([columns])
    cells = _widths(rows) if rows else titles
    whole = list(map(max, titles, cells))
    if _total(whole) <= width:
        return whole
    words = [max(len(word) for word in (title.split() or [""])) for title in columns]
    folded = list(map(max, words, cells))
    if _total(folded) <= width:
        return _widen(folded, whole, width)
    texts = [number for number in range(len(columns)) if not _are_figures(rows, number)]
    widest = max(texts, key=folded.__getitem__, default=0)
    folded = _fold(folded, widest, width)
    return folded if texts and folded[widest] >= _SENTENCE else []


def _widen(widths: Sequence[int], whole: Sequence[int], width: int) -> list[int]:
    """Return widths in which no title is folded that need not be; the first ones come first."""
    found = list(widths)
    for number, wanted in enumerate(whole):
        if _total(found) - found[number] + wanted <= width:
            found[number] = wanted
    return found


def _fold(widths: Sequence[int], number: int, width: int) -> list[int]:
    """Return widths of which one gives way, so that all fit."""
    rest = _total(widths) - widths[number]
    return [*widths[:number], min(widths[number], max(width - rest, 1)), *widths[number + 1 :]]


def _count_fitting(columns: Sequence[str], rows: Rows, width: int) -> int:
    """Return how many of the first rows fit beside each other as columns; at least one."""
    widths = _widths(list(zip(columns, *rows, strict=True)))
    counts = [count for count in range(1, len(rows) + 1) if _total(widths[: count + 1]) <= width]
    return counts[-1] if counts else 1


def _widths(rows: Rows) -> list[int]:
    from rich.cells import cell_len

    return [max(map(cell_len, column)) for column in zip(*rows, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _are_figures(rows: Rows, number: int) -> bool:
    return number > 0 and all(_FIGURE.match(row[number]) for row in rows)


def _columns_lines(
    console: "Console",
    columns: Sequence[str],
    rows: Rows,
    widths: Sequence[int],
    figures: Sequence[bool],
) -> Iterator[str]:
    from rich.table import Table

    are_whole = not rows or all(map(le, _widths(rows), widths))
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for title, width, right in zip(columns, widths, figures, strict=True):
        table.add_column(
            title,
            justify="right" if right else "left",
            width=width,
            overflow="fold",
            vertical="bottom" if are_whole else "top",  # titles stand on their figures
        )
    for row in rows:
        table.add_row(*row)
    return _lines(console, table, console.width)


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def _lines(console: "Console", table: "RenderableType", width: int) -> Iterator[str]:
    """Yield lines without the spaces that fill the last column."""
    with console.capture() as printed:
        console.print(table, width=width)
    for line in printed.get().splitlines():
        yield line.rstrip()
