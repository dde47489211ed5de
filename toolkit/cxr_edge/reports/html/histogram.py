"""The histogram of a page's probabilities, as shapes of an SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 500
"""Width of the plot in the units of the drawing; 10 for each of 50 bins."""

HEIGHT: Final = 150
"""Height of the plot in the units of the drawing."""


@dataclass(frozen=True)
class Bar:
    """The images of one bin on one side of the threshold."""

    x: float
    """Left end."""
    y: float
    """Upper end."""
    width: float
    """Width."""
    height: float
    """Height."""
    above: bool
    """Whether the images are at or over the threshold."""
    text: str
    """Description."""


@dataclass(frozen=True)
class Tick:
    """A count on the vertical axis."""

    y: float
    """Place."""
    text: str
    """Count."""


@dataclass(frozen=True)
class Histogram:
    """Bars on a logarithmic axis, on which one image can be seen beside ten thousand."""

    bars: list[Bar]
    """Bars of the bins that are not empty."""
    ticks: list[Tick]
    """Ticks of the vertical axis."""
    threshold: float | None
    """Place of the threshold on the horizontal axis; None where there is none."""
    width: int = WIDTH
    """Width of the plot."""
    height: int = HEIGHT
    """Height of the plot."""


def histogram(below: Sequence[int], above: Sequence[int], threshold: float | None) -> Histogram:
    """Return the histogram of counts by bin, those over the threshold on top of the others.

    Parameters
    ----------
    below, above
        Counts under the threshold, and of the others, by bin from 0 to 1.
    threshold
        Threshold from 0 to 1.
    """
    bins = len(below)
    most = max(1, *(low + high for low, high in zip(below, above, strict=True)))
    top = math.log10(1 + most)
    step = WIDTH / bins

    def place(count: int) -> float:
        return HEIGHT - HEIGHT * math.log10(1 + count) / top

    bars = []
    for number, (low, high) in enumerate(zip(below, above, strict=True)):
        between = f"{number / bins:.2f} to {(number + 1) / bins:.2f}"
        for start, end, is_above in ((0, low, False), (low, low + high, True)):
            if start == end:
                continue
            bars.append(
                Bar(
                    round(number * step + 0.5, 2),
                    round(place(end), 2),
                    round(step - 1, 2),
                    round(place(start) - place(end), 2),
                    is_above,
                    f"{end - start} with a probability from {between}",
                )
            )
    powers = [10**power for power in range(len(str(most)))]
    if most > 2 * powers[-1]:
        powers.append(most)
    return Histogram(
        bars,
        [Tick(round(place(count), 2), f"{count:,}") for count in powers],
        None if threshold is None else round(WIDTH * threshold, 2),
    )
