"""A decoded image to the model's input: the only definition, for training and every runtime."""

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.imaging.image import GrayImage
from cxr_edge.spec.input_spec import InputSpec


def preprocess(image: GrayImage, spec: InputSpec) -> NDArray[np.uint8]:
    """Stretch an image to the model's input, by recipe ``cxr-1``.

    Area averaging along an axis that shrinks, bilinear along one that grows; the gray value is
    replicated where the model takes three channels. The aspect ratio is not kept: neither was
    it in the images that the models are trained on.

    Parameters
    ----------
    image
        Any size.
    spec
        What the model takes.

    Returns
    -------
    numpy.ndarray
        uint8 of shape (height, width, channels), 0 is black; a fresh array.
    """
    pixels = _resize(image.pixels, spec.height, spec.width)
    return np.repeat(pixels[:, :, np.newaxis], spec.channels, axis=2)


def _resize(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    rows, columns = pixels.shape
    # OpenCV falls back to bilinear for both axes where one grows, so each is done by itself.
    shrunk = (min(columns, width), min(rows, height))
    if shrunk != (columns, rows):
        pixels = np.asarray(cv2.resize(pixels, shrunk, interpolation=cv2.INTER_AREA), np.uint8)
    if shrunk != (width, height):
        enlarged = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
        pixels = np.asarray(enlarged, np.uint8)
    return pixels
