"""Counterfactual images: how probabilities react to markers, borders and sharpness."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.imaging.perturbations import mask_border, paint_marker, paint_out_markers
from cxr_edge.metrics.proportions import wilson
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS

SMALL: Final = 0.05
"""Difference of probability below which an image counts as unmoved."""

BORDER: Final = 0.12
"""Share of each side that is masked."""

_SEED: Final = 2021

CHANGES: Final[Mapping[str, Callable[[NDArray[np.uint8], np.random.Generator], Any]]] = {
    "a marker pasted in": paint_marker,
    "markers painted out": lambda gray, _: paint_out_markers(gray),
    "the outer 12 % masked": lambda gray, _: mask_border(gray, (BORDER,) * 4),
    "blurred by 1 pixel": lambda gray, _: np.asarray(cv2.GaussianBlur(gray, (0, 0), 1), np.uint8),
}
"""Name to change of an image, uint8 of shape (H, W)."""


@dataclass(frozen=True)
class ProbabilityShift:
    """Effect of one change on the probabilities and labels of N images."""

    images: int
    """Count of images."""
    mean: float
    """Mean absolute difference of probability."""
    small: float
    """Share of images whose probability moved less than :data:`SMALL`."""
    flipped: Interval
    """Share of images with another label at the threshold, Wilson."""
    to_positive: int
    """Count of images that became positive."""
    to_negative: int
    """Count of images that became negative."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` wrote."""
        fields = {**data, "flipped": Interval.from_dict(data["flipped"])}
        return cls(images=fields.pop("films"), **fields)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        fields = {**vars(self), "flipped": self.flipped.to_dict()}
        return {"films": fields.pop("images"), **fields}


def counterfactuals(
    pixels: NDArray[np.uint8],
    before: NDArray[np.float64],
    score: Callable[[NDArray[np.uint8]], NDArray[np.float64]],
    threshold: float,
) -> dict[str, ProbabilityShift]:
    """Change the images in each way and compare their probabilities with those before.

    Parameters
    ----------
    pixels
        uint8 of shape (N, H, W, C), equal channels.
    before
        Their probabilities, shape (N,).
    score
        Pixels to probabilities of shape (N,).
    threshold
        Probability from which an image is positive.
    """
    result = {}
    for name, change in CHANGES.items():
        rng = np.random.default_rng(_SEED)
        changed = np.stack([change(image[:, :, 0], rng) for image in pixels])
        after = score(np.repeat(changed[..., np.newaxis], pixels.shape[-1], axis=-1))
        result[name] = probability_shift(before, after, threshold)
    return result


def probability_shift(
    before: NDArray[np.float64], after: NDArray[np.float64], threshold: float
) -> ProbabilityShift:
    """Compare probabilities of the same images.

    Parameters
    ----------
    before, after
        Each of shape (N,), N at least 1.
    threshold
        Probability from which an image is positive.
    """
    old, new = (scores.round(PROBABILITY_DECIMALS) >= threshold for scores in (before, after))
    moved = np.abs(before - after)
    return ProbabilityShift(
        images=len(moved),
        mean=float(moved.mean()),
        small=float((moved < SMALL).mean()),
        flipped=wilson(int((old != new).sum()), len(moved)),
        to_positive=int((new & ~old).sum()),
        to_negative=int((old & ~new).sum()),
    )
