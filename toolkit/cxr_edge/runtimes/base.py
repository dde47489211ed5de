"""Runtimes: each turns pixels into probabilities with one foreign library."""

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cxr_edge.spec.model_spec import ModelSpec

Scores: TypeAlias = NDArray[np.float32]
"""Probabilities of the positive class, shape (N,)."""


class Runtime(Protocol):
    """The seam to a library that runs models."""

    @property
    def spec(self) -> ModelSpec:
        """What the model expects and means."""

    @property
    def provider(self) -> str:
        """What it computes with, as the library itself reports it."""

    def run(self, pixels: NDArray[np.uint8]) -> Scores:
        """Score a batch; several threads may call it at once.

        Parameters
        ----------
        pixels
            Shape (N, H, W, C), N >= 1.
        """
