"""The input check by statistics: the distance from the training images, and a linear head."""

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ModelInvalid
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.runtimes.tensor import shape_text
from cxr_edge.spec.input_statistics import GRAY_BINS, KINDS, THUMBNAIL, InputStatistics

UNLIKE: Final = "unlike-training-data"
"""Flag of an image that is far from those that the model learned from."""


class StatisticsCheck:
    """Flags for images that are no frontal chest X-ray, or unlike the training images."""

    def __init__(self, statistics: InputStatistics) -> None:
        """Unpack the statistics of a model's spec."""

        def array(name: str, *shape: int) -> NDArray[np.float32]:
            return np.array(statistics.numbers(name), np.float32).reshape(shape)

        kept, features = statistics.components, statistics.features
        self._features = features
        self._mean, self._scale = array("mean", features), array("scale", features)
        self._directions = array("directions", kept, features)
        self._variances, self._rest = array("variances", kept), statistics.rest
        self._most = statistics.most
        self._weights = array("weights", len(KINDS), -1)
        self._bias = array("bias", len(KINDS))

    def flags(
        self, pixels: NDArray[np.uint8], source: SourceFacts, features: NDArray[Any] | None
    ) -> Sequence[str]:
        """Return the kind of the image, where it is another, and ``unlike-training-data``.

        A distance that is no number, of features or statistics that overflow, is not a near one.

        Raises
        ------
        ModelInvalid
            The features are not as many as the statistics are of.
        """
        del source
        if features is None or features.shape != (self._features,):
            got = "none" if features is None else shape_text(features.shape)
            raise ModelInvalid(
                f"expected {self._features} features for the input check, got {got}; export the "
                "model again, or take input_check out of its spec"
            )
        with np.errstate(all="ignore"):
            seen = see(pixels[np.newaxis], features[np.newaxis])
            values, distance = self.kinds(seen)[0], float(self.distances(seen)[0])
        found = [KINDS[int(values.argmax())]] if values.max() > 0 else []
        if not distance <= self._most:
            found.append(UNLIKE)
        return found

    def distances(self, seen: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the squared distances of images, as :func:`see` sees them, shape (N,)."""
        standard = (seen[:, : self._features] - self._mean) * self._scale
        along = standard @ self._directions.T
        rest = np.maximum((standard**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        distance: NDArray[np.float32] = (along**2 / self._variances).sum(axis=1) + rest / self._rest
        return distance

    def kinds(self, seen: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the head's values for images, as :func:`see` sees them, shape (N, K)."""
        values: NDArray[np.float32] = seen @ self._weights.T + self._bias
        return values


def see(pixels: NDArray[np.uint8], features: NDArray[Any]) -> NDArray[np.float32]:
    """Return what the statistics see of images.

    Parameters
    ----------
    pixels
        The model's input, shape (N, H, W, C).
    features
        The model's features, shape (N, d).

    Returns
    -------
    numpy.ndarray
        Roots of the features with their signs, gray values of a thumbnail, 0 to 1, and roots of
        the shares of a histogram; shape (N, d + THUMBNAIL**2 + GRAY_BINS).
    """
    count = features.shape[1]
    found = np.empty((len(pixels), count + THUMBNAIL**2 + GRAY_BINS), np.float32)
    found[:, :count] = np.copysign(np.sqrt(np.abs(features)), features)
    for row, image in zip(found[:, count:], pixels, strict=True):
        gray = np.ascontiguousarray(image[:, :, 0])
        small = cv2.resize(gray, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
        counts = cv2.calcHist([gray], [0], None, [GRAY_BINS], [0, 256])
        row[: THUMBNAIL**2] = small.ravel() / 255
        row[THUMBNAIL**2 :] = np.sqrt(counts.ravel() / gray.size)
    return found
