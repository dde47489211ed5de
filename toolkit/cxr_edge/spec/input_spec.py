"""The input that a model takes."""

from dataclasses import dataclass
from typing import Final

from cxr_edge.errors import SpecInvalid, SpecUnknown
from cxr_edge.spec.recipe import CXR_1, RECIPES, Recipe
from cxr_edge.spec.validation import is_int, is_number

MAX_SIDE: Final = 4096
"""Largest input side of a model, pixels."""


@dataclass(frozen=True)
class InputSpec:
    """Pixels that a model takes: uint8 of shape (N, height, width, channels), or floats of them."""

    height: int = 224
    """Rows."""
    width: int = 224
    """Columns."""
    channels: int = 1
    """1 for gray, 3 for gray replicated to RGB."""
    recipe: str = CXR_1.name
    """Preprocessing recipe, a key of :data:`RECIPES`."""
    scale: float = 1.0
    """Factor for a model that takes floats: it gets pixel * scale + offset. A model that takes
    uint8 pixels scales them inside its graph and leaves this at 1."""
    offset: float = 0.0
    """Number that is added after the multiplication."""

    def __post_init__(self) -> None:
        for side in ("height", "width"):
            value = getattr(self, side)
            if not (is_int(value) and 1 <= value <= MAX_SIDE):
                raise SpecInvalid(f"input {side}: expected 1 to {MAX_SIDE} pixels, got {value!r}")
        if not is_int(self.channels) or self.channels not in (1, 3):
            raise SpecInvalid(f"input channels: expected 1 or 3, got {self.channels!r}")
        if self.recipe not in tuple(RECIPES):  # a list from JSON cannot be looked up
            raise SpecUnknown(
                f"preprocessing recipe: this version knows {', '.join(RECIPES)}, "
                f"the model asks for {self.recipe!r}; install a newer cxr-edge"
            )
        for number in ("scale", "offset"):
            value = getattr(self, number)
            if not is_number(value):
                raise SpecInvalid(f"input {number}: expected a finite number, got {value!r}")
            object.__setattr__(self, number, float(value))
        if self.scale == 0:
            raise SpecInvalid(
                "input scale: expected a factor other than 0, which hides every image"
            )

    @property
    def preprocessing(self) -> Recipe:
        """The recipe itself."""
        return RECIPES[self.recipe]

    @property
    def raw(self) -> bool:
        """Whether the model gets pixels as they are, 0 to 255."""
        return self.scale == 1 and self.offset == 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image: (height, width, channels)."""
        return self.height, self.width, self.channels

    def __str__(self) -> str:
        sides = f"{self.height}x{self.width}x{self.channels}"
        if self.raw:
            return f"{sides} uint8"
        return f"{sides} float of pixels * {self.scale!r} + {self.offset!r}"
