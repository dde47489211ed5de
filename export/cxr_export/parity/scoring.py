"""Whether a runtime gives the same scores in batches of any size."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.runtimes.base import Runtime
from cxr_edge.runtimes.batches import run_in_batches

BATCH_SIZES: Final = (1, 2, 7, 32)
"""Batch sizes whose scores must agree."""

_BATCH_IMAGES: Final = 70
"""Images scored at each batch size: two full batches of the largest size, and a part of one."""


def batch_mismatches(differences: Mapping[int, float], allowed: float) -> list[str]:
    """Return the batch sizes whose scores differ by more than allowed, with numbers."""
    return [
        f"batches of {size} and {BATCH_SIZES[0]} differ by {difference:.1e}, allowed {allowed:g}"
        for size, difference in differences.items()
        if not difference <= allowed
    ]


def batch_differences(runtime: Runtime, pixels: NDArray[np.uint8]) -> dict[int, float]:
    """Return the largest |Δp| from the scores one by one, for each larger batch size.

    Only the first images are scored.

    Parameters
    ----------
    runtime
        Opened model.
    pixels
        uint8 of shape (N, H, W, C).

    Returns
    -------
    dict
        Batch size to largest |Δp|, without the size 1.

    Raises
    ------
    ModelError
        The library failed on a batch.
    """
    pixels = pixels[:_BATCH_IMAGES]
    alone, *others = (
        run_in_batches(runtime, pixels, size).scores.astype(np.float64) for size in BATCH_SIZES
    )
    return {
        size: float(np.abs(scores - alone).max())
        for size, scores in zip(BATCH_SIZES[1:], others, strict=True)
    }
