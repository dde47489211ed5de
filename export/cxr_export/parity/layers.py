"""Difference between one layer's values in two artefacts."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TensorStatistics:
    """One layer's values over all images; NaN and infinities are counted, then left out."""

    minimum: float
    """Smallest finite value; NaN if no value is finite, like the next three."""
    maximum: float
    """Largest finite value."""
    mean: float
    """Mean of the finite values."""
    deviation: float
    """Standard deviation of the finite values."""
    not_finite: float
    """Share of values that are NaN or infinite, 0 to 1."""

    def __str__(self) -> str:
        text = f"{self.mean:.3g} ± {self.deviation:.3g} [{self.minimum:.3g}, {self.maximum:.3g}]"
        return f"{text}, {self.not_finite:.2%} not finite" if self.not_finite else text


@dataclass(frozen=True)
class LayerDifference:
    """One layer in both artefacts."""

    layer: str
    """Name of the Keras layer, or of the tensor if the reference is not a Keras model."""
    tensor: str
    """Name of the tensor in the candidate."""
    shape: tuple[int, ...]
    """Shape per image in the reference: (H, W, C) or (units,)."""
    relative_error: float
    """Root mean square of the difference, divided by that of the reference. 0 if both are equal;
    infinite if the reference is 0 throughout, or a NaN or infinity is in one of both only."""
    max_difference: float
    """Largest absolute difference."""
    reference: TensorStatistics
    """Statistics of the reference's values."""
    candidate: TensorStatistics
    """Statistics of the candidate's values."""


@dataclass
class _Moments:
    """Sums over one tensor's values."""

    count: int = 0
    finite: int = 0
    total: float = 0.0
    squares: float = 0.0
    minimum: float = np.inf
    maximum: float = -np.inf

    def add(self, values: NDArray[np.float64]) -> None:
        self.count += values.size
        values = values[np.isfinite(values)]
        self.finite += values.size
        if values.size:
            self.total += float(values.sum())
            self.squares += float(np.square(values).sum())
            self.minimum = min(self.minimum, float(values.min()))
            self.maximum = max(self.maximum, float(values.max()))

    def result(self) -> TensorStatistics:
        if not self.finite:
            return TensorStatistics(np.nan, np.nan, np.nan, np.nan, 1.0)
        mean = self.total / self.finite
        return TensorStatistics(
            minimum=self.minimum,
            maximum=self.maximum,
            mean=mean,
            deviation=float(np.sqrt(max(self.squares / self.finite - mean**2, 0.0))),
            not_finite=1 - self.finite / self.count,
        )


@dataclass
class LayerComparison:
    """Sums over one layer's values in both artefacts; images are added batch by batch."""

    shape: tuple[int, ...] = ()
    squares: float = 0.0
    max_difference: float = 0.0
    reference: _Moments = field(default_factory=_Moments)
    candidate: _Moments = field(default_factory=_Moments)

    def add(self, expected: NDArray[Any], got: NDArray[Any]) -> None:
        """Add a batch of floats; both have the same size once sides of 1 are left out."""
        self.shape = expected.shape[1:]
        one = expected.astype(np.float64).ravel()
        other = got.astype(np.float64).ravel()
        self.reference.add(one)
        self.candidate.add(other)
        same = (one == other) | (np.isnan(one) & np.isnan(other))
        difference = np.abs(np.subtract(one, other, out=np.zeros_like(one), where=~same))
        difference[np.isnan(difference)] = np.inf
        self.squares += float(np.square(difference).sum())
        self.max_difference = max(self.max_difference, float(difference.max()))

    @property
    def error(self) -> float:
        """Relative error so far, as :attr:`LayerDifference.relative_error`."""
        if not self.squares:
            return 0.0
        scale = self.reference.squares
        return float(np.sqrt(self.squares / scale)) if scale else np.inf

    def result(self, layer: str, tensor: str) -> LayerDifference:
        """Return the difference, with the names that the artefacts have for the layer."""
        return LayerDifference(
            layer=layer,
            tensor=tensor,
            shape=self.shape,
            relative_error=self.error,
            max_difference=self.max_difference,
            reference=self.reference.result(),
            candidate=self.candidate.result(),
        )
