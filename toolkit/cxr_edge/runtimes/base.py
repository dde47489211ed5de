"""The seam to the libraries that run models: pixels to outputs."""

from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ModelInvalid
from cxr_edge.spec.model_spec import ModelSpec

PROBABILITY: Final = "probability"
"""Name of the output with the probabilities, in an artefact that `cxr export` made."""

MAP: Final = "map"
"""Name of the output with the heat maps, in an artefact that has one."""

FEATURES: Final = "features"
"""Name of the output with the feature vectors, in an artefact that has one."""

Scores: TypeAlias = NDArray[np.float32]
"""Probabilities of the positive class, shape (N,)."""


@dataclass(frozen=True, eq=False)
class Outputs:
    """Answers of a model to N images.

    Raises
    ------
    ModelInvalid
        A part is not float32, or not of N images.
    """

    scores: Scores
    """Probabilities of the positive class, float32 of shape (N,)."""
    maps: NDArray[np.float32] | None = None
    """Heat maps, float32 of shape (N, h, w), in units of the logit, so that the mean of one is the
    logit of its image; None where they were not asked for, or the model has none."""
    features: NDArray[np.float32] | None = None
    """Feature vectors, float32 of shape (N, d): what the network's last layer is given; None where
    they were not fetched, or the model has none."""

    def __post_init__(self) -> None:
        for name, values, axes in (
            ("scores", self.scores, 1),
            ("maps", self.maps, 3),
            ("features", self.features, 2),
        ):
            if values is None:
                continue
            if values.dtype != np.float32 or values.ndim != axes or len(values) != len(self):
                raise ModelInvalid(
                    f"expected {name} in float32 with {axes} axes for {len(self)} images, "
                    f"got {values.dtype} of shape {values.shape}"
                )

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class OpenOptions:
    """Settings that every runtime opens a model with."""

    device: str = "auto"
    """Device, one of :data:`cxr_edge.runtimes.providers.DEVICES`."""
    threads: int = 1
    """CPU threads per call."""
    spec: ModelSpec | None = None
    """Spec that replaces the one inside the model; None to use that one."""
    maps: bool = False
    """Whether heat maps are asked for; a model that has none opens all the same."""
    features: bool = False
    """Whether feature vectors are asked for; they are fetched too where the spec's input check
    needs them, and a model that has none opens all the same."""


class Runtime(Protocol):
    """One library with one model loaded."""

    @property
    def spec(self) -> ModelSpec:
        """Spec: what the model expects and means."""

    @property
    def provider(self) -> str:
        """Execution provider or device, as the library itself reports it."""

    @property
    def why(self) -> str:
        """Reason for the provider, as a clause: ``no GPU provider installed``."""

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        """Score a batch; several threads may call it at once.

        Parameters
        ----------
        pixels
            uint8 of shape (N, H, W, C), N >= 1.

        Returns
        -------
        Outputs
            For N images.

        Raises
        ------
        ModelInvalid
            The output is not one probability per image.
        ModelError
            The library failed on the batch.
        """
