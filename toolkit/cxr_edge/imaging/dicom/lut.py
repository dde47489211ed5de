"""Stored values to 8-bit gray: DICOM's grayscale pipeline, in numbers alone."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ConstantImage, Corrupt
from cxr_edge.imaging.bit_depth import DEPTHS

Gray = TypeVar("Gray", np.uint8, np.uint16)
"""Type of a decoded image: 0 is black, its largest value is white."""

Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
FUNCTIONS: Final[tuple[Function, ...]] = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
"""Values of the VOI LUT Function."""

_TABLE_BITS: Final = 16
_SLACK: Final = 0.01
"""Share of a range that a window over the whole of it may leave out at each end."""


@dataclass(frozen=True)
class Rescale:
    """A Modality LUT that is a line, PS3.3 C.11.1.1.2."""

    slope: float = 1
    """Units of the modality per stored value."""
    intercept: float = 0
    """Units of the modality at the stored value 0."""

    def __call__(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return ``values`` in the units of the modality, same shape."""
        units: NDArray[np.float64] = values.astype(np.float64) * self.slope + self.intercept
        return units


@dataclass(frozen=True)
class Lut:
    """A Modality or VOI LUT that is a table, PS3.3 C.11.1.1.1 and C.11.2.1.1."""

    first: int
    """Value that the first entry is for."""
    bits: int
    """Bits per entry."""
    entries: NDArray[Any]
    """Entries, shape (entries,); values beyond the ends get the first or last one."""

    def __post_init__(self) -> None:
        if not self.entries.size:
            raise Corrupt("the DICOM file has a lookup table without entries")

    @property
    def used(self) -> int:
        """Bits that hold the largest entry, but no fewer than 8 or, of those, are claimed.

        Some tables need fewer bits than they claim, some more.
        """
        return max(min(self.bits, DEPTHS[0]), int(self.entries.max()).bit_length())

    @property
    def top(self) -> float:
        """Largest value that an entry can have."""
        return float((1 << self.used) - 1)

    def __call__(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the entries of ``values``, same shape."""
        place = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1)
        found: NDArray[np.float64] = self.entries[place.astype(np.intp)].astype(np.float64)
        return found


@dataclass(frozen=True)
class Window:
    """A VOI window, PS3.3 C.11.2.1.2 and C.11.2.1.3."""

    center: float
    """Center in units of the modality."""
    width: float
    """Width in units of the modality."""
    function: Function = "LINEAR"
    """VOI LUT Function."""

    @staticmethod
    def is_possible(width: float, function: Function) -> bool:
        """Tell whether a function allows a width; only LINEAR may be of width 1: a step."""
        return width >= 1 if function == "LINEAR" else width > 0

    def __post_init__(self) -> None:
        if not self.is_possible(self.width, self.function):
            raise Corrupt(
                f"the DICOM file has a window of width {self.width:g}, "
                f"which {self.function} forbids"
            )

    def covers(self, low: float, high: float) -> bool:
        """Tell whether a straight window shows all values from ``low`` to ``high``."""
        shift = 0.5 if self.function == "LINEAR" else 0.0
        half = self.width / 2 - shift
        slack = _SLACK * (high - low)
        middle = self.center - shift
        is_wide = middle - half <= low + slack and middle + half >= high - slack
        return self.function != "SIGMOID" and is_wide

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``values`` from 0 (black) to 1 (white), same shape."""
        if self.function == "SIGMOID":
            return 1 / (1 + np.exp(np.clip(-4 * (values - self.center) / self.width, -50, 50)))
        center, width = self.center, self.width
        if self.function == "LINEAR":
            center, width = center - 0.5, width - 1
        if width == 0:
            return (values > center).astype(np.float64)
        return np.clip((values - center) / width + 0.5, 0, 1)


@dataclass(frozen=True)
class Grayscale:
    """The steps from stored values to gray: Modality LUT, VOI LUT, polarity, in this order."""

    modality: Rescale | Lut
    """First step."""
    voi: Window | Lut | None
    """Second step; None shows the range from one end of ``bounds`` to the other."""
    inverted: bool
    """Third step: whether the least value is white."""
    bounds: tuple[float, float]
    """Stored values that are shown as black and white if there is no VOI LUT."""
    padding: tuple[int, int] | None = None
    """Least and greatest stored value of the padding, PS3.3 C.7.5.1.1.2: it passes none of the
    steps and is black."""

    def __call__(self, stored: NDArray[Any], depth: type[Gray]) -> NDArray[Gray]:
        """Return the gray of ``stored`` in the type ``depth``, same shape.

        Raises
        ------
        ConstantImage
            Every pixel except the padding has the same value.
        Corrupt
            The steps leave no range to show.
        """
        if self.padding:
            picture = stored[~self._is_padding(stored)]
            if not picture.size or picture.min() == picture.max():
                raise ConstantImage(
                    "every pixel except the padding is the same; there is nothing to classify"
                )
        return through_table(partial(self._show, depth=depth), stored)

    def _show(self, stored: NDArray[Any], depth: type[Gray]) -> NDArray[Gray]:
        values = self.modality(stored)
        if isinstance(self.voi, Window):
            gray = scale(self.voi(values), 0, 1, depth)
        elif self.voi:
            gray = scale(self.voi(values), 0, self.voi.top, depth)
        elif isinstance(self.modality, Lut):
            gray = scale(values, 0, self.modality.top, depth)
        else:
            ends = self.modality(np.array(self.bounds))
            gray = scale(values, float(ends.min()), float(ends.max()), depth)
        if self.inverted:
            gray = np.iinfo(depth).max - gray
        if self.padding:
            gray[self._is_padding(stored)] = 0
        return gray

    def _is_padding(self, stored: NDArray[Any]) -> NDArray[np.bool_]:
        assert self.padding is not None
        low, high = self.padding
        return (stored >= low) & (stored <= high)


def through_table(
    show: Callable[[NDArray[Any]], NDArray[Gray]], stored: NDArray[Any]
) -> NDArray[Gray]:
    """Return ``show(stored)``, computed once per possible value if these are few enough.

    Parameters
    ----------
    show
        Function from an array of values to gray of the same shape, pixel by pixel.
    stored
        Stored values of any shape, in native byte order.
    """
    if stored.dtype.kind not in "iu" or stored.dtype.itemsize * 8 > _TABLE_BITS:
        return show(stored)
    place = stored.view(f"u{stored.dtype.itemsize}")
    every = np.arange(1 << stored.dtype.itemsize * 8, dtype=place.dtype).view(stored.dtype)
    gray: NDArray[Gray] = show(every)[place]
    return gray


def scale(values: NDArray[Any], low: float, high: float, depth: type[Gray]) -> NDArray[Gray]:
    """Return ``values`` with ``low`` as black and ``high`` as white; values beyond are clipped.

    Raises
    ------
    Corrupt
        ``high`` is not above ``low``, or one of them is not finite.
    """
    if not high > low or not np.isfinite(high - low):
        raise Corrupt(f"the DICOM file shows values from {low:g} to {high:g}, which is no range")
    white = np.iinfo(depth).max
    scaled = (values.astype(np.float64) - low) * (white / (high - low))
    return np.clip(np.rint(np.nan_to_num(scaled)), 0, white).astype(depth)
