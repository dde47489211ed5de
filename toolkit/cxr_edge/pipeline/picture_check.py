"""The input check by rules on the picture, which need no statistics of a model."""

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.imaging.contrast import LOW_CONTRAST
from cxr_edge.imaging.image import SourceFacts

BLANK: Final = "blank"
"""Flag of an image with nothing to see."""

_COARSE: Final = 8
_LEAST_SHAPE: Final = 6.0
"""Least deviation, in gray levels, of a copy of 8 x 8 pixels from its best plane. The least of
5,705 chest X-rays of two hospitals is 12.5, the largest of pure noise 5.0."""

_SMALL: Final = 32
_MOST: Final = 0.9
_FEW_LEVELS: Final = 48
"""Gray levels, of 256. The narrowest of the same chest X-rays needs 52 for 90% of the pixels of its
copy of 32 x 32."""


class PictureCheck:
    """Flags for pictures that show nothing, or little."""

    def flags(
        self, pixels: NDArray[np.uint8], source: SourceFacts, features: NDArray[Any] | None
    ) -> Sequence[str]:
        """Return ``blank`` and ``low-contrast`` where they hold, whatever noise there is.

        Blank is what has no shape but a slope: a copy of 8 x 8 pixels deviates by less than 6 gray
        levels from a plane. Low contrast is 90% of the pixels of a copy of 32 x 32 within 48 of the
        256 gray levels.
        """
        del source, features
        small = _shrunk(np.ascontiguousarray(pixels[:, :, 0]), _SMALL)
        shape = _REST @ _shrunk(small, _COARSE).ravel()
        found = []
        if shape @ shape < _COARSE**2 * _LEAST_SHAPE**2:
            found.append(BLANK)
        levels = np.sort(small, axis=None, kind="stable")  # radix sort, the fastest
        inside = int(_MOST * len(levels))
        if (levels[inside:] - levels[:-inside]).min() < _FEW_LEVELS:
            found.append(LOW_CONTRAST)
        return found


def _shrunk(gray: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return a smaller copy, shape (side, side)."""
    return np.asarray(cv2.resize(gray, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _without_plane(side: int) -> NDArray[np.float32]:
    """Return the matrix that takes the best plane off an image, shape (side**2, side**2)."""
    rows, columns = np.mgrid[:side, :side]
    plane = np.stack([np.ones(side * side), rows.ravel(), columns.ravel()], axis=1)
    rest: NDArray[np.float32] = (np.eye(side * side) - plane @ np.linalg.pinv(plane)).astype("f4")
    return rest


_REST: Final = _without_plane(_COARSE)
