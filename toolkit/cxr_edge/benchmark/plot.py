"""The picture of a benchmark; needs the extra 'evaluate'."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from cxr_edge.benchmark.rows import Figures, Row

_DPI: Final = 100

_BARS: Final[Mapping[str, Callable[[Figures], float]]] = {
    "decode only": lambda figures: figures.decode_rate,
    "inference only": lambda figures: figures.inference_rate,
    "end to end": lambda figures: figures.end_to_end_rate,
}


def draw_rates(rows: Sequence[Row], path: Path) -> None:
    """Write bars of the rates of every setting that ran, with a mark at the ideal one.

    Parameters
    ----------
    rows
        At least one with figures.
    path
        The PNG.
    """
    found = [(row.asked, row.figures) for row in rows if row.figures]
    places = np.arange(len(found), dtype=float)
    figure = Figure(figsize=(9, 1.5 + 0.9 * len(found)), layout="constrained")
    axis = figure.subplots()
    for number, (name, rate) in enumerate(_BARS.items()):
        bars = axis.barh(
            places + 0.25 * (number - 1), [rate(figures) for _, figures in found], 0.25, label=name
        )
        axis.bar_label(bars, fmt="%.1f", padding=2, fontsize=8)
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
    axis.set_xlabel("films a second")
    axis.set_title(found[0][1].model.partition("@")[0])
    axis.grid(visible=True, axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=len(_BARS) + 1)
    figure.savefig(path, dpi=_DPI)


def _name(figures: Figures) -> str:
    return f"{figures.runtime} ({figures.provider}), batch {figures.batch_size}"
