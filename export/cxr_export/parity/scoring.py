"""Scores in batches of several sizes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.runtimes.base import Runtime
from cxr_edge.runtimes.batches import run_in_batches

BATCH_SIZES: Final = (1, 2, 7, 32)
"""That must agree with each other."""

BATCH_TOLERANCE: Final = 1e-4
"""Largest |Δp| between two batch sizes: sums in another order, as between two fp32 runtimes.

Measured with SSE4.1, AVX2 and AVX-512: up to 1.8e-7 with onnxruntime, 0 with LiteRT, and with Keras
7.5e-6 for convolutional networks and 8.4e-5 for dense ones.
"""

_BATCH_IMAGES: Final = 70
"""So many images are scored at each batch size; two full batches of the largest and some over."""


def batches_apart(runtime: Runtime, pixels: NDArray[np.uint8]) -> dict[int, float]:
    """Return how far scores in batches of each of :data:`BATCH_SIZES` are from those one by one.

    Of the first images; a largest |Δp| for each size but the first.
    """
    pixels = pixels[:_BATCH_IMAGES]
    alone, *others = (
        run_in_batches(runtime, pixels, size).scores.astype(np.float64) for size in BATCH_SIZES
    )
    return {
        size: float(np.abs(scores - alone).max())
        for size, scores in zip(BATCH_SIZES[1:], others, strict=True)
    }
