"""The preprocessing recipes: from a file's pixels to a model's input, by name and digest."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final


@dataclass(frozen=True)
class Recipe:
    """One way from a file's pixels to the model's input.

    The code that decodes and resizes looks each value up in ``cxr_edge.imaging.rules``. The digest
    of the fields is in specs and run manifests: a recipe with another value is another recipe.
    """

    name: str
    """Name by which a spec asks for it."""
    gray: str
    """Rule for gray from color."""
    deep: str
    """Rule for 8 bits from samples of more bits; DICOM says its own in its header."""
    reduced_jpeg: int
    """Least size of a JPEG that is decoded at 1/2, 1/4 or 1/8: both sides stay at least this many
    times the model's input."""
    shrink: str
    """Interpolation along an axis that shrinks."""
    enlarge: str
    """Interpolation along an axis that grows."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the fields as canonical JSON, hexadecimal."""
        canonical = json.dumps(dataclasses.asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


CXR_1: Final = Recipe(
    name="cxr-1",
    gray="luma-bt601",
    deep="multiples-of-257-divided-else-least-of-8-10-12-14-16-bits-that-holds-the-maximum",
    reduced_jpeg=2,
    shrink="area",
    enlarge="bilinear",
)
RECIPES: Final[Mapping[str, Recipe]] = {CXR_1.name: CXR_1}
"""Every recipe known here, by name."""
