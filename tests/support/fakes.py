"""Stand-ins for what is slow or large."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_edge.extras import missing_extra
from cxr_edge.models.registry import RUNTIMES, installed, runtimes_of
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.model_spec import ModelSpec

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"

CLASSES = ("NORMAL", "PNEUMONIA")
"""Class folders of the phantoms: negative, positive."""


def runtimes(suffix: str = "") -> list[object]:
    """Return all runtimes, or those of a suffix, as parameters; what is not installed skips."""
    return [
        pytest.param(
            name, marks=pytest.mark.skipif(not installed(name), reason=f"{name} is not installed")
        )
        for name in RUNTIMES
        if not suffix or name in runtimes_of(f"m{suffix}")
    ]


class FakeRuntime:
    """A runtime whose probability is the mean gray value; it notes the batches it was given."""

    provider = "FakeProvider"
    why = "there is no other"

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.batches: list[int] = []

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        self.batches.append(len(pixels))
        return Outputs((pixels.mean(axis=(1, 2, 3)) / 255).astype(np.float32))


def refuse() -> None:
    """Raise; for a process that finds this module, not the tests'."""
    raise missing_extra("it", "evaluate", "matplotlib")


def crash(*_: object) -> None:
    """Crash the process as a native decoder does."""
    os.kill(os.getpid(), signal.SIGSEGV)


def hang(*_: object) -> None:
    """Hang as a native decoder does."""
    time.sleep(3600)
