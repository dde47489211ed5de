"""Any number of images through a runtime, in batches."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.runtimes.base import Outputs, Runtime
from cxr_edge.system.progress import track

BATCH: Final = 32
"""Images per call, unless asked for otherwise."""


def run_in_batches(
    runtime: Runtime, pixels: NDArray[np.uint8], size: int = BATCH, what: str = ""
) -> Outputs:
    """Score images in batches; the last batch holds what is left.

    Parameters
    ----------
    runtime
        The model.
    pixels
        uint8 of shape (N, H, W, C), N >= 1.
    size
        Images per call.
    what
        Work that is shown as progress: ``scoring images``; empty to show none.

    Returns
    -------
    Outputs
        For N images, in their order.

    Raises
    ------
    ModelError
        As :meth:`cxr_edge.runtimes.base.Runtime.run`.
    """
    starts = range(0, len(pixels), size)
    shown = track(starts, f"{what} in batches of {size}") if what else starts
    parts = [runtime.run(pixels[start : start + size]) for start in shown]
    return Outputs(
        np.concatenate([part.scores for part in parts]),
        _joined([part.maps for part in parts]),
        _joined([part.features for part in parts]),
    )


def _joined(parts: list[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    """Return all parts as one array; None where a batch has none."""
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if len(there) == len(parts) else None
