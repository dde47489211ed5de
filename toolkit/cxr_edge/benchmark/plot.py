"""Picture of a benchmark; needs the extra 'evaluate'."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cxr_edge.benchmark.rows import BenchmarkFigures, BenchmarkRow
from cxr_edge.errors import UsageError
from cxr_edge.imaging.plot_style import grid, new_figure, plot_style, save
from cxr_edge.storage.atomic import atomic_write

_WHOLE: Final = "end to end"

_ROOM: Final = 0.12
"""Length of a bar, as a share of the longest, from which its rate has room inside."""

_BARS: Final[Mapping[str, Callable[[BenchmarkFigures], float]]] = {
    "decode only": lambda figures: figures.decode_rate,
    "inference only": lambda figures: figures.inference_rate,
    _WHOLE: lambda figures: figures.end_to_end_rate,
}


@plot_style()
def draw_rates(rows: Sequence[BenchmarkRow], path: Path) -> None:
    """Write the picture of :func:`figure_of_rates`.

    Parameters
    ----------
    rows
        Rows, at least one of them with figures.
    path
        PNG file to write, whole or not at all.

    Raises
    ------
    UsageError
        The file cannot be written.
    """
    try:
        with atomic_write(path) as temporary:
            save(figure_of_rates(rows), temporary)
    except OSError as exc:
        raise UsageError(
            f"--plot: {path} cannot be written: {exc.strerror}; choose another place"
        ) from exc


@plot_style()
def figure_of_rates(rows: Sequence[BenchmarkRow]) -> Figure:
    """Draw bars of the rates of every setting that ran, with a mark at the ideal one.

    Parameters
    ----------
    rows
        Rows, at least one of them with figures.
    """
    found = [(row.asked, row.figures) for row in rows if row.figures]
    places = np.arange(len(found), dtype=float)
    figure = new_figure(9, 1.6 + 1.1 * len(found))
    axis = figure.subplots()
    largest = max(rate(figures) for rate in _BARS.values() for _, figures in found)
    for number, (name, rate) in enumerate(_BARS.items()):
        bars = axis.barh(
            places + 0.27 * (number - 1), [rate(figures) for _, figures in found], 0.25, label=name
        )
        for bar, (_, figures) in zip(bars, found, strict=True):
            marks = (bar.get_width(), *((figures.ideal_rate,) if name == _WHOLE else ()))
            _label(axis, bar, marks, largest)
    axis.plot(
        [figures.ideal_rate for _, figures in found], places + 0.27, "|", color="black",
        markersize=15, markeredgewidth=2, label="ideal end to end",
    )  # fmt: skip
    axis.set_yticks(
        places,
        [
            f"{_name(figures)}\nworkers {asked.workers}, threads {asked.threads}"
            for asked, figures in found
        ],
    )
    axis.invert_yaxis()
    axis.margins(x=0.1)
    axis.set_xlabel("images per second")
    axis.set_title(found[0][1].model.partition("@")[0])
    grid(axis, "x")
    figure.legend(loc="outside lower center", ncols=len(_BARS) + 1)
    return figure


def _label(axis: Axes, bar: Rectangle, marks: Sequence[float], largest: float) -> None:
    """Write a bar's rate into the bar, left of every mark, or right of them where it is short."""
    inside = min(marks) > _ROOM * largest
    end = min(marks) if inside else max(marks)
    axis.annotate(
        f"{bar.get_width():.1f}", (end, bar.get_y() + bar.get_height() / 2),
        (-4 if inside else 4, 0), textcoords="offset points", va="center",
        ha="right" if inside else "left", fontsize=8, color="white" if inside else "black",
        weight="bold" if inside else "normal",
    )  # fmt: skip


def _name(figures: BenchmarkFigures) -> str:
    return f"{figures.runtime} ({figures.provider}), batch {figures.batch_size}"
