"""The quantization of an artefact: how it was made from the float model."""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.precision import Precision

PRECISIONS: Final = tuple(kind for kind in Precision if kind is not Precision.FP32)
"""Precisions of artefacts that have a :class:`Quantization`."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Quantization:
    """The facts that are needed to repeat a quantization."""

    precision: Precision
    """Precision from :data:`PRECISIONS`."""
    calibrator: str = ""
    """Method that chose the ranges of activations: ``minmax``, ``percentile`` or ``entropy``; empty
    where none were chosen."""
    seed: int | None = None
    """Seed of the choice of calibration images."""
    films: tuple[str, ...] = ()
    """SHA-256 of each calibration image, sorted."""
    weights_only: tuple[str, ...] = ()
    """Layers with quantized weights and float activations."""
    float_layers: tuple[str, ...] = ()
    """Layers left in float."""

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise SpecInvalid(
                f"quantization: expected precision {', '.join(PRECISIONS)}, got {self.precision!r}"
            )
        object.__setattr__(self, "precision", Precision(self.precision))  # JSON has plain text
        if not all(_SHA256.fullmatch(str(image)) for image in self.films):
            raise SpecInvalid("quantization: expected the SHA-256 of each image, got other text")
        names = (self.calibrator, *self.weights_only, *self.float_layers)
        if not all(isinstance(name, str) for name in names):
            raise SpecInvalid(f"quantization: expected names, got {names!r}")
        if self.seed is not None and type(self.seed) is not int:
            raise SpecInvalid(f"quantization: expected a whole number as seed, got {self.seed!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        data = dataclasses.asdict(self)
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in data.items()
        }

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote.

        Raises
        ------
        SpecInvalid
            Anything is missing, superfluous, or of the wrong kind.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(data, dict) or "precision" not in data or data.keys() - known:
            raise SpecInvalid(f"quantization: expected {', '.join(sorted(known))}, got {data!r}")
        lists = ("films", "weights_only", "float_layers")
        if not all(isinstance(data.get(name, []), Sequence) for name in lists):
            raise SpecInvalid(f"quantization: expected lists of {', '.join(lists)}, got {data!r}")
        return cls(**{**data, **{name: tuple(data.get(name, ())) for name in lists}})
