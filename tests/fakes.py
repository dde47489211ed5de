"""Stand-ins for what is slow or large."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxr_edge.runtimes import Scores
from cxr_edge.spec import ModelSpec

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"


class FakeRuntime:
    """A runtime whose probability is the mean gray value; it notes the batches it was given."""

    provider = "FakeProvider"

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.batches: list[int] = []

    def run(self, pixels: NDArray[np.uint8]) -> Scores:
        self.batches.append(len(pixels))
        return (pixels.mean(axis=(1, 2, 3)) / 255).astype(np.float32)
