"""Picture of a benchmark; needs the extra 'evaluate'."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from cxr_edge.benchmark.rows import BenchmarkFigures, BenchmarkRow
from cxr_edge.errors import UsageError
from cxr_edge.storage.atomic import atomic_write

_DPI: Final = 100
_WHOLE: Final = "end to end"

_BARS: Final[Mapping[str, Callable[[BenchmarkFigures], float]]] = {
    "decode only": lambda figures: figures.decode_rate,
    "inference only": lambda figures: figures.inference_rate,
    _WHOLE: lambda figures: figures.end_to_end_rate,
}


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
            figure_of_rates(rows).savefig(temporary, format="png", dpi=_DPI)
    except OSError as exc:
        raise UsageError(
            f"--plot: {path} cannot be written: {exc.strerror}; choose another place"
        ) from exc


def figure_of_rates(rows: Sequence[BenchmarkRow]) -> Figure:
    """Draw bars of the rates of every setting that ran, with a mark at the ideal one.

    Parameters
    ----------
    rows
        Rows, at least one of them with figures.
    """
    found = [(row.asked, row.figures) for row in rows if row.figures]
    places = np.arange(len(found), dtype=float)
    figure = Figure(figsize=(9, 1.5 + 0.9 * len(found)), layout="constrained")
    axis = figure.subplots()
    for number, (name, rate) in enumerate(_BARS.items()):
        bars = axis.barh(
            places + 0.25 * (number - 1), [rate(figures) for _, figures in found], 0.25, label=name
        )
        for bar, (_, figures) in zip(bars, found, strict=True):
            end = max(bar.get_width(), figures.ideal_rate if name == _WHOLE else 0)
            axis.annotate(  # right of the mark too, which would be drawn over it
                f"{bar.get_width():.1f}", (end, bar.get_y() + bar.get_height() / 2), (3, 0),
                textcoords="offset points", va="center", fontsize=8,
            )  # fmt: skip
    axis.plot(
        [figures.ideal_rate for _, figures in found], places + 0.25, "k|", markersize=14,
        label="ideal end to end",
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
    axis.grid(visible=True, axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=len(_BARS) + 1)
    return figure


def _name(figures: BenchmarkFigures) -> str:
    return f"{figures.runtime} ({figures.provider}), batch {figures.batch_size}"
