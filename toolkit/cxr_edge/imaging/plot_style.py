"""Style of every plot: fonts, colors that the color-blind can tell apart, resolution."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from matplotlib.ticker import MaxNLocator

COLORS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""Colors of Okabe and Ito that stand out on white: blue, vermilion, green, purple, sky, orange."""

GRAY: Final = "#666666"
"""Color of what is there for comparison: chance, the ideal, a kept epoch."""

MARKERS: Final = ("o", "s", "D", "^", "v", "P")
"""Markers, so that color is never all that tells two things apart."""

_SHARES: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_ROOM: Final = 0.04
"""Ticks of an axis of shares, and the room beyond its ends for the largest mark."""

_STYLE: Final[Any] = {  # Any: matplotlib lists the names as literals
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that plots look alike everywhere
    "font.size": 10,
    "text.parse_math": False,  # names of files and classes are no formulas
    "axes.titlesize": 12,
    "axes.labelsize": 10,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "figure.titlesize": 12,
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(linestyle=["-", "--", ":"]) * cycler(color=COLORS),
    "grid.alpha": 0.3,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
}


@contextmanager
def plot_style() -> Iterator[None]:
    """Draw in the style of all plots; also a decorator of a function that draws."""
    with rc_context(_STYLE):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches, whose parts do not overlap."""
    return Figure(figsize=(width, height), layout="constrained")


def grid(axis: Axes, along: Literal["x", "y", "both"] = "both") -> None:
    """Draw a faint grid: ``x``, ``y`` or ``both``."""
    axis.grid(visible=True, axis=along)


def shares(axis: Axes) -> None:
    """Let both axes reach from 0 to 1, with room for marks at their ends."""
    axis.set(xticks=_SHARES, xlim=(-_ROOM, 1 + _ROOM), yticks=_SHARES, ylim=(-_ROOM, 1 + _ROOM))


def whole_numbers(steps: int | None = None) -> MaxNLocator:
    """Return ticks of what is counted, at most so many steps; None for as many as have room."""
    return MaxNLocator(steps or "auto", integer=True, min_n_ticks=1)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG, whatever the path's suffix is."""
    figure.savefig(path, format="png")
