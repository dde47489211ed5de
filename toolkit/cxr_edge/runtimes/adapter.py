"""Adapter between uint8 pixels and the input and output of one artefact."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ModelInvalid
from cxr_edge.runtimes.base import Outputs, Scores
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec

Array: TypeAlias = NDArray[Any]
Call: TypeAlias = Callable[[Array], object]
"""Function that runs the library once, from its input tensor to its output tensor."""

FLOATS: Final = ("float32", "float16")
"""Floating types that an artefact may take or give."""
QUANTIZED: Final = {"uint8": (0, 255), "int8": (-128, 127)}
"""Integer types that an artefact may take or give, each with its least and largest value."""

SOFTMAX_TOLERANCE: Final = 1e-3
"""Largest difference of the sum of two probabilities from 1."""
_SLACK: Final = 0.1
"""Share of the pixels' range that a quantized input may clip, or must at least resolve."""


@dataclass(frozen=True)
class Tensor:
    """One input or output of an artefact, as its library describes it."""

    name: str
    """Name in the graph."""
    shape: tuple[object, ...]
    """Sides; the graph leaves open what is not a positive integer."""
    dtype: str
    """Name of a NumPy type, or the library's own where NumPy has none."""
    scale: float = 0.0
    """Scale of a quantized tensor, whose values mean (value - zero_point) * scale; 0 for others."""
    zero_point: int = 0
    """Value that means 0."""

    def __str__(self) -> str:
        return f"{'x'.join(str(side) for side in self.shape) or 'scalar'} {self.dtype}"


class Adapter:
    """Adapter between uint8 pixels (N, H, W, C) and one artefact, which may be of other origin.

    It takes uint8 pixels as they are, floats of them (pixel * scale + offset, by the spec) or
    those floats quantized; channels last or first; one image at a time or any number. It gives one
    probability per image, shape (N,) or (N, 1), or two, (N, 2), in the order of the spec's labels.
    """

    channels_first: bool
    """Whether the artefact takes (N, C, H, W)."""
    image_by_image: bool
    """Whether it takes one image at a time."""

    def __init__(
        self, source: str, spec: ModelSpec, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
    ) -> None:
        """Compare the artefact with its spec.

        Parameters
        ----------
        source
            Artefact, for messages.
        spec
            Input and labels that it should have.
        inputs, outputs
            Tensors, as the artefact's library describes them.

        Raises
        ------
        ModelInvalid
            It has several inputs or outputs, or takes or gives what cannot be adapted.
        """
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelInvalid(
                f"{source}: expected one input and one output, got {_names(inputs)} and "
                f"{_names(outputs)}; export it with one of each"
            )
        self._source = source
        (image,), (self._output,) = inputs, outputs
        self.channels_first = _channels_first(source, spec.input, image)
        self._table = _table(source, spec.input, image)
        _check_output(source, self._output)
        batch = image.shape[0]
        if _is_open(batch):
            self.image_by_image = False
        elif batch == 1:
            self.image_by_image = True
        else:
            raise ModelInvalid(
                f"{source}: expected any number of images in, or one, and one probability per "
                f"image out, got {image} and {self._output}; export it with a dynamic batch"
            )

    def run(self, pixels: NDArray[np.uint8], call: Call) -> Outputs:
        """Score a batch.

        Parameters
        ----------
        pixels
            uint8, shape (N, H, W, C), N >= 1.
        call
            Function that runs the library once.

        Returns
        -------
        Outputs
            Scores of N images.

        Raises
        ------
        ModelInvalid
            The output is not one probability per image, or two that add up to 1.
        """
        taken: Array = pixels
        if self.channels_first:
            taken = np.ascontiguousarray(taken.transpose(0, 3, 1, 2))
        if self._table is not None:
            taken = self._table[taken]
        if not self.image_by_image:
            return Outputs(self._read(np.asarray(call(taken)), len(pixels)))
        images = range(len(pixels))
        return Outputs(
            np.concatenate([self._read(np.asarray(call(taken[at : at + 1])), 1) for at in images])
        )

    def _read(self, got: Array, images: int) -> Scores:
        """Return P(positive class) from what the library gave."""
        if got.shape not in ((images,), (images, 1), (images, 2)):
            raise ModelInvalid(
                f"{self._source}: expected one probability per image, shape ({images},), "
                f"({images}, 1) or ({images}, 2), got {got.shape}"
            )
        values, tolerance = got, SOFTMAX_TOLERANCE
        if self._output.dtype in QUANTIZED:
            values = (got.astype(np.float32) - self._output.zero_point) * self._output.scale
            tolerance += 2 * self._output.scale  # each is rounded, and 1 may be just out of reach
        scores = values.astype(np.float32)
        if scores.shape == (images, 2):
            wrong = (np.abs(scores.sum(axis=1) - 1) > tolerance) | (scores < -tolerance).any(axis=1)
            if wrong.any():  # not so for NaN, which fails its own image alone
                first = ", ".join(f"{value:.4g}" for value in scores[wrong][0])
                raise ModelInvalid(
                    f"{self._source}: expected probabilities (softmax) that add up to 1, got "
                    f"{first}; end the graph in a softmax"
                )
            scores = scores[:, 1]
        return np.ascontiguousarray(scores.reshape(-1), np.float32)


def _names(tensors: Sequence[Tensor]) -> str:
    return f"{len(tensors)} ({', '.join(tensor.name for tensor in tensors)})"


def _is_open(side: object) -> bool:
    return not isinstance(side, int) or side < 1


def _fits(sides: Sequence[object], wanted: tuple[int, int, int], channel: int) -> bool:
    """Tell whether sides are those wanted; rows and columns may be open, channels may not."""
    return sides[channel] == wanted[channel] and all(
        _is_open(side) or side == want for side, want in zip(sides, wanted, strict=True)
    )


def _channels_first(source: str, wanted: InputSpec, image: Tensor) -> bool:
    """Tell whether channels come first, by the shape; channels last where both layouts fit."""
    height, width, channels = wanted.shape
    if len(image.shape) == 4:
        if _fits(image.shape[1:], wanted.shape, 2):
            return False
        if _fits(image.shape[1:], (channels, height, width), 0):
            return True
    got = "x".join(str(side) for side in image.shape[1:])
    raise ModelInvalid(
        f"{source}: its spec says {wanted}, the model wants {got} {image.dtype} "
        f"(shape {_sides(image)}, expected (N, {height}, {width}, {channels}) or "
        f"(N, {channels}, {height}, {width})); export it again or correct its spec"
    )


def _sides(tensor: Tensor) -> str:
    return f"({', '.join(str(side) for side in tensor.shape)})"


def _table(source: str, spec: InputSpec, image: Tensor) -> Array | None:
    """Return the input value of each of the 256 gray values, None where it stays as it is."""
    values = np.arange(256) * spec.scale + spec.offset
    if image.dtype in FLOATS:
        return values.astype(image.dtype)
    plain = image.scale == 0 or (image.scale == 1 and image.zero_point == 0)
    if image.dtype == "uint8" and plain:
        if not spec.raw:
            raise ModelInvalid(
                f"{source}: expected an input without scale and offset, as the model takes uint8 "
                f"pixels, got scale {spec.scale:g}, offset {spec.offset:g}; scaling belongs into "
                "its graph: take both out of the spec"
            )
        return None
    if image.dtype not in QUANTIZED or image.scale == 0:
        raise ModelInvalid(
            f"{source}: its spec says {spec}, the model wants {image}; expected uint8 pixels, "
            f"{' or '.join(FLOATS)}, or a quantized input with its scale; export it again"
        )
    steps = np.round(values / image.scale) + image.zero_point
    low, high = QUANTIZED[image.dtype]
    slack = _SLACK * (high - low)
    reach = float(np.ptp(steps))
    if steps.min() < low - slack or steps.max() > high + slack or reach < slack:
        least, most = (round((end - image.zero_point) * image.scale, 4) for end in (low, high))
        raise ModelInvalid(
            f"{source}: its quantized input holds {least:g} to {most:g}, by the spec pixels become "
            f"{values.min():g} to {values.max():g}; correct the input's scale and offset"
        )
    table: Array = np.clip(steps, low, high).astype(image.dtype)
    return None if image.dtype == "uint8" and (table == np.arange(256)).all() else table


def _check_output(source: str, output: Tensor) -> None:
    """Check the output as far as it is known before the first image."""
    shape = output.shape
    known = not shape or (
        len(shape) <= 2 and all(_is_open(side) or side in (1, 2) for side in shape[1:])
    )
    if not known:
        raise ModelInvalid(
            f"{source}: expected one probability per image, shape (N, 1), (N,) or (N, 2), "
            f"got {_sides(output)}"
        )
    if output.dtype in QUANTIZED and output.scale > 0:
        return
    if output.dtype not in FLOATS:
        raise ModelInvalid(
            f"{source}: expected probabilities, {' or '.join(FLOATS)}, the model gives {output}; "
            "end the graph where the probabilities are, before they become classes"
        )
