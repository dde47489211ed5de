"""Statistics of an input check whose verdicts are known."""

from collections.abc import Sequence

import numpy as np

from cxr_edge.spec.input_statistics import (
    GRAY_BINS,
    KINDS,
    THUMBNAIL,
    FlaggedImages,
    InputStatistics,
)
from cxr_edge.spec.packed import pack

FEATURES = 3
SEEN = FEATURES + THUMBNAIL**2 + GRAY_BINS


def statistics(heavy: Sequence[tuple[int, int, float]] = (), most: float = 4.0) -> InputStatistics:
    """Return statistics of three features around 1, with standard deviations of 0.1.

    Parameters
    ----------
    heavy
        Row, column and value of the head's weights that are not zero.
    most
        Squared distance from which on images are unlike the training images.
    """
    weights = np.zeros((len(KINDS), SEEN))
    for row, column, value in heavy:
        weights[row, column] = value
    return InputStatistics(
        features=FEATURES,
        components=2,
        mean=pack([1.0] * FEATURES),
        scale=pack([10.0] * FEATURES),
        directions=pack([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
        variances=pack([1.0, 4.0]),
        rest=1.0,
        most=most,
        weights=pack(weights.ravel()),
        bias=pack([-1.0] * len(KINDS)),
        groups=(FlaggedImages("photo", 10, 9),),
    )
