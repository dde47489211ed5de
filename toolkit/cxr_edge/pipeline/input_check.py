"""Checks of an image that is to be classified, each of which may add flags to its row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cxr_edge.imaging.image import SourceFacts
from cxr_edge.pipeline.picture_check import PictureCheck
from cxr_edge.pipeline.statistics_check import StatisticsCheck
from cxr_edge.spec.model_spec import ModelSpec

STRETCHED: Final = 2.0
"""Ratio of the sides from which on the model's input distorts an image too much."""

TINY: Final = 0.25
"""Share of the model's input below which a side shows too little to judge by."""


class InputCheck(Protocol):
    """A look at one image, beside the model's."""

    def flags(
        self, pixels: NDArray[np.uint8], source: SourceFacts, features: NDArray[Any] | None
    ) -> Sequence[str]:
        """Return the flags that the image deserves, from :data:`cxr_edge.imaging.image.FLAGS`.

        Parameters
        ----------
        pixels
            The model's input, shape (H, W, C).
        source
            Facts about the file.
        features
            The model's features of the image, shape (d,); None where it gives none.
        """


@dataclass(frozen=True)
class ShapeCheck:
    """Flags for images that are smaller than the model's input, or far from square."""

    def flags(
        self, pixels: NDArray[np.uint8], source: SourceFacts, features: NDArray[Any] | None
    ) -> Sequence[str]:
        """Return ``small``, ``stretched`` and ``tiny`` where they hold."""
        del features
        found = []
        if source.height < pixels.shape[0] or source.width < pixels.shape[1]:
            found.append("small")
        sides = source.height, source.width
        if max(sides) > STRETCHED * min(sides):
            found.append("stretched")
        if min(source.height / pixels.shape[0], source.width / pixels.shape[1]) < TINY:
            found.append("tiny")
        return found


CHECKS: Final[tuple[InputCheck, ...]] = (ShapeCheck(), PictureCheck())
"""Checks of every scan, whatever the model."""


def check_parts(spec: ModelSpec) -> str:
    """Return what a model's inputs are checked by, as in the run manifest."""
    if spec.input_check:
        return "rules and the model's statistics"
    return "rules alone, the model has no statistics"


def checks_for(spec: ModelSpec) -> tuple[InputCheck, ...]:
    """Return the checks of a scan with a model: those of every scan, and its statistics."""
    return (*CHECKS, *([StatisticsCheck(spec.input_check)] if spec.input_check else []))
