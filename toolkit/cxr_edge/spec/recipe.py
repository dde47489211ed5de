"""How a file's pixels become a model's input: the recipes, by name and digest."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Recipe:
    """One way of turning a file's pixels into the model's input, in words and numbers.

    The digest of these fields goes into specs and run manifests, so that a change of
    any of them is a different recipe.
    """

    name: str
    """Name by which a spec asks for it."""
    gray: str
    """How colour becomes gray."""
    deep: str
    """How more than 8 bits become 8."""
    reduced_jpeg: int
    """JPEG may be decoded at 1/2, 1/4 or 1/8 while both sides stay at least this many times
    the model's input."""
    shrink: str
    """Interpolation along an axis that shrinks."""
    enlarge: str
    """Interpolation along an axis that grows."""

    @property
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
