"""The input that a model takes: shape, preprocessing recipe, scale."""

from dataclasses import dataclass
from typing import Any, Final, Self

from cxr_edge.errors import SpecInvalid, SpecUnknown
from cxr_edge.spec.json_fields import build, is_int, is_number, mapping
from cxr_edge.spec.recipe import CXR_1, RECIPES, Recipe

MAX_SIDE: Final = 4096
"""Largest input side of a model, pixels."""


@dataclass(frozen=True)
class InputSpec:
    """The pixels that a model takes: uint8 of shape (N, height, width, channels), or floats."""

    height: int = 224
    """Rows."""
    width: int = 224
    """Columns."""
    channels: int = 1
    """1 for gray, 3 for gray replicated to RGB."""
    recipe: str = CXR_1.name
    """Preprocessing recipe, a key of :data:`RECIPES`."""
    scale: float | tuple[float, ...] = 1.0
    """Factor for a model that takes floats: it gets pixel * scale + offset. One number, or one for
    each channel. A model that takes uint8 pixels scales them inside its graph and leaves this at
    1."""
    offset: float | tuple[float, ...] = 0.0
    """Number that is added after the multiplication: one, or one for each channel."""

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
        for name in ("scale", "offset"):
            value = _per_channel(name, getattr(self, name), self.channels)
            object.__setattr__(self, name, value)
        if 0 in self.scales:
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
    def scales(self) -> tuple[float, ...]:
        """Factors: one number for all channels, or one for each."""
        return self.scale if isinstance(self.scale, tuple) else (self.scale,)

    @property
    def offsets(self) -> tuple[float, ...]:
        """Numbers that are added: one for all channels, or one for each."""
        return self.offset if isinstance(self.offset, tuple) else (self.offset,)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image: (height, width, channels)."""
        return self.height, self.width, self.channels

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        scaling = {} if self.raw else {"scale": self.scale, "offset": self.offset}
        lists = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in scaling.items()
        }
        return {
            "height": self.height,
            "width": self.width,
            "channels": self.channels,
            "recipe": self.recipe,
            **lists,
            "recipe_sha256": self.preprocessing.digest,
        }

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote.

        Raises
        ------
        SpecUnknown
            The recipe is unknown here, or is another one of the same name.
        SpecInvalid
            Anything is missing, superfluous, or of the wrong kind.
        """
        fields = mapping(data, "input")
        digest = fields.pop("recipe_sha256", None)
        spec = build(cls, fields, "input")
        if digest is not None and digest != spec.preprocessing.digest:
            raise SpecUnknown(
                f"preprocessing recipe {spec.recipe}: this version's digest is "
                f"{spec.preprocessing.digest[:12]}, the model's is {str(digest)[:12]}; "
                "use the version of cxr-edge that exported the model, or export it again"
            )
        return spec

    def __str__(self) -> str:
        sides = f"{self.height}x{self.width}x{self.channels}"
        if self.raw:
            return f"{sides} uint8"
        return f"{sides} float of pixels * {self.scale!r} + {self.offset!r}"


def _per_channel(name: str, value: object, channels: int) -> float | tuple[float, ...]:
    """Return a number, or a number for each channel where they differ."""
    numbers = tuple(value) if isinstance(value, list | tuple) else (value,) * channels
    floats = tuple(float(number) for number in numbers if is_number(number))
    if not len(floats) == len(numbers) == channels:
        each = f", or {channels}, one for each channel" if channels > 1 else ""
        raise SpecInvalid(f"input {name}: expected a finite number{each}, got {value!r}")
    return floats[0] if len(set(floats)) == 1 else floats
