"""From a decoded image to the model's input: one function for training and every runtime."""

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_edge.imaging.image import GrayImage
from cxr_edge.imaging.rules import INTERPOLATION
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.recipe import Recipe


def preprocess(image: GrayImage, spec: InputSpec) -> NDArray[np.uint8]:
    """Stretch an image to the model's input, by the recipe of the spec.

    An axis that shrinks and one that grows are each interpolated as the recipe says; the gray
    value is replicated where the model takes three channels. The aspect ratio is not kept, as it
    was not in the images that the models are trained on.

    Parameters
    ----------
    image
        Image of any size.
    spec
        Input that the model takes.

    Returns
    -------
    numpy.ndarray
        uint8 of shape (height, width, channels), 0 is black; a fresh array.
    """
    return stretch(image.pixels, spec)


def stretch(pixels: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """Stretch gray pixels to the model's input, as :func:`preprocess` does.

    Parameters
    ----------
    pixels
        uint8 of shape (rows, columns).
    spec
        Input that the model takes.

    Returns
    -------
    numpy.ndarray
        uint8 of shape (height, width, channels); a fresh array.
    """
    resized = _resize(pixels, spec.height, spec.width, spec.preprocessing)
    return np.repeat(resized[:, :, np.newaxis], spec.channels, axis=2)


def _resize(
    pixels: NDArray[np.uint8], height: int, width: int, recipe: Recipe
) -> NDArray[np.uint8]:
    rows, columns = pixels.shape
    # OpenCV falls back to bilinear for both axes where one grows, so each is done by itself.
    shrunk = (min(columns, width), min(rows, height))
    if shrunk != (columns, rows):
        pixels = _interpolated(pixels, shrunk, recipe.shrink)
    if shrunk != (width, height):
        pixels = _interpolated(pixels, (width, height), recipe.enlarge)
    return pixels


def _interpolated(
    pixels: NDArray[np.uint8], size: tuple[int, int], interpolation: str
) -> NDArray[np.uint8]:
    resized = cv2.resize(pixels, size, interpolation=INTERPOLATION[interpolation])
    return np.asarray(resized, np.uint8)
