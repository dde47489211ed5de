"""Runtimes: each turns pixels into probabilities with one foreign library."""

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ModelInvalid
from cxr_edge.spec import InputSpec, ModelSpec

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
        """Score a batch.

        Parameters
        ----------
        pixels
            Shape (N, H, W, C), N >= 1.
        """


def check_input(source: str, wanted: InputSpec, shape: tuple[object, ...], dtype: str) -> None:
    """Check what an artefact says it takes against what its spec promises.

    Parameters
    ----------
    source
        The artefact, for the message.
    wanted
        From the spec.
    shape
        From the artefact: (N, H, W, C), where N may be a name or -1.
    dtype
        From the artefact.

    Raises
    ------
    ModelInvalid
        They differ.
    """
    if tuple(shape[1:]) != wanted.shape or dtype != "uint8":
        came = "x".join(str(side) for side in shape[1:])
        raise ModelInvalid(
            f"{source}: its spec says {wanted}, the model wants {came} {dtype}; "
            "export it again or correct its spec"
        )
