"""One input or output of an artefact, as its library describes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

FLOATS: Final = ("float32", "float16")
"""Floating types that an artefact may take or give."""
QUANTIZED: Final = {"uint8": (0, 255), "int8": (-128, 127)}
"""Integer types that an artefact may take or give, each with its least and largest value."""


@dataclass(frozen=True)
class Tensor:
    """One input or output of an artefact, as its library describes it."""

    name: str
    """Name in the graph."""
    shape: tuple[object, ...]
    """Sides; the graph leaves open what is not a positive integer."""
    dtype: str
    """Name of a NumPy type, or the library's own where NumPy has none."""
    scale: float = 0.0
    """Scale of a quantized tensor, whose values mean (value - zero_point) * scale; 0 for others."""
    zero_point: int = 0
    """Value that means 0."""

    def __str__(self) -> str:
        return f"{'x'.join(str(side) for side in self.shape) or 'scalar'} {self.dtype}"


def is_open(side: object) -> bool:
    """Tell whether the graph leaves a side open."""
    return not isinstance(side, int) or side < 1


def shape_text(shape: Sequence[object]) -> str:
    """Return a shape as Python shows it; a side that is open may be a name."""
    inside = ", ".join(str(side) for side in shape)
    return f"({inside},)" if len(shape) == 1 else f"({inside})"
