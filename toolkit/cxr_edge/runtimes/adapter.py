"""Adapter between uint8 pixels and the input and output of one artefact."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ModelInvalid
from cxr_edge.runtimes.base import FEATURES, MAP, Outputs
from cxr_edge.runtimes.output_reader import OutputReader, read_beside
from cxr_edge.runtimes.tensor import FLOATS, QUANTIZED, Array, Tensor, is_open, shape_text
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec

Call: TypeAlias = Callable[[Array], Sequence[object]]
"""Function that runs the library once, from its input tensor to the outputs that are wanted."""

BESIDE: Final[Mapping[str, int]] = {MAP: 3, FEATURES: 2}
"""Name of each output that may stand beside the probability, to its number of axes."""

_SLACK: Final = 0.1
"""Share of the pixels' range that a quantized input may clip, or must at least resolve."""


class Adapter:
    """Adapter between uint8 pixels (N, H, W, C) and one artefact, which may be of other origin.

    It takes uint8 pixels as they are, floats of them (pixel * scale + offset, by the spec) or
    those floats quantized; channels last or first; one image at a time or any number. It gives one
    number per image, shape (N,) or (N, 1), or one for each class, (N, K): two in the order of the
    spec's labels, or as many as the spec's output names. They are probabilities, or logits if the
    spec says so. An output named ``map``, (N, h, w), is its heat maps, and one named ``features``,
    (N, d), its feature vectors.
    """

    channels_first: bool
    """Whether the artefact takes (N, C, H, W)."""
    image_by_image: bool
    """Whether it takes one image at a time."""
    wanted: tuple[int, ...]
    """Positions of the outputs that a call returns: scores, then what is fetched beside them."""

    def __init__(
        self,
        source: str,
        spec: ModelSpec,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        *,
        maps: bool = False,
        features: bool = False,
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
        maps
            Whether heat maps are asked for, where the artefact has them.
        features
            Whether feature vectors are asked for, where the artefact has them; they are fetched
            too where the spec's input check needs them.

        Raises
        ------
        ModelInvalid
            It has several inputs or outputs, or takes or gives what cannot be adapted.
        """
        beside = {output.name: output for output in outputs if _is_beside(output)}
        if len(inputs) != 1 or len(outputs) != 1 + len(beside):
            raise ModelInvalid(
                f"{source}: expected one input and one output, or others named {MAP} of shape "
                f"(N, h, w) and {FEATURES} of shape (N, d), got {_names(inputs)} and "
                f"{_names(outputs)}; export it again"
            )
        (image,), (output,) = inputs, [each for each in outputs if not _is_beside(each)]
        asked = {MAP: maps, FEATURES: features or spec.input_check is not None}
        self._beside = [beside[name] for name in BESIDE if asked[name] and name in beside]
        self.wanted = tuple(outputs.index(each) for each in (output, *self._beside))
        self._source = source
        self.channels_first = _channels_first(source, spec.input, image)
        self._table = _table(source, spec.input, image)
        channels = np.arange(spec.input.channels)
        self._channel = channels[:, np.newaxis, np.newaxis] if self.channels_first else channels
        self._reader = OutputReader(source, spec.output, output)
        batch = image.shape[0]
        if is_open(batch):
            self.image_by_image = False
        elif batch == 1:
            self.image_by_image = True
        else:
            raise ModelInvalid(
                f"{source}: expected any number of images in, or one, and one probability per "
                f"image out, got {image} and {output}; export it with a dynamic batch"
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
            Scores of N images, and maps and features where they are fetched.

        Raises
        ------
        ModelInvalid
            The output is not one number per image, or probabilities that do not add up to 1; or
            there is no map, or no feature vector, for each image.
        """
        taken: Array = pixels
        if self.channels_first:
            taken = np.ascontiguousarray(taken.transpose(0, 3, 1, 2))
        if self._table is not None:
            place = taken if self._table.ndim == 1 else (taken, self._channel)
            taken = self._table[place]
        step = 1 if self.image_by_image else len(pixels)
        parts = [taken[at : at + step] for at in range(0, len(pixels), step)]
        given = [[np.asarray(values) for values in call(part)] for part in parts]
        counts = [len(part) for part in parts]
        scores = [
            self._reader.read(values[0], count) for values, count in zip(given, counts, strict=True)
        ]
        beside = {
            output.name: np.concatenate(
                [
                    read_beside(self._source, output, values[position], count)
                    for values, count in zip(given, counts, strict=True)
                ]
            )
            for position, output in enumerate(self._beside, start=1)
        }
        return Outputs(np.concatenate(scores), beside.get(MAP), beside.get(FEATURES))


def _is_beside(output: Tensor) -> bool:
    return BESIDE.get(output.name) == len(output.shape) and output.dtype in FLOATS


def _names(tensors: Sequence[Tensor]) -> str:
    return f"{len(tensors)} ({', '.join(tensor.name for tensor in tensors)})"


def _fits(sides: Sequence[object], wanted: tuple[int, int, int], channel: int) -> bool:
    """Tell whether sides are those wanted; rows and columns may be open, channels may not."""
    return sides[channel] == wanted[channel] and all(
        is_open(side) or side == want for side, want in zip(sides, wanted, strict=True)
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
        f"(shape {shape_text(image.shape)}, expected (N, {height}, {width}, {channels}) or "
        f"(N, {channels}, {height}, {width})); export it again or correct its spec"
    )


def _table(source: str, spec: InputSpec, image: Tensor) -> Array | None:
    """Return the input values of the 256 gray values, None where they stay as they are.

    Returns
    -------
    numpy.ndarray or None
        Shape (256,), or (256, C) where channels differ.
    """
    values: Array = np.arange(256)[:, np.newaxis] * np.array(spec.scales) + np.array(spec.offsets)
    if values.shape[1] == 1:
        values = values[:, 0]
    if image.dtype in FLOATS:
        floats: Array = values.astype(image.dtype)
        return floats
    plain = image.scale == 0 or (image.scale == 1 and image.zero_point == 0)
    if image.dtype == "uint8" and plain:
        if not spec.raw:
            raise ModelInvalid(
                f"{source}: expected an input without scale and offset, as the model takes uint8 "
                f"pixels, got scale {spec.scale!r}, offset {spec.offset!r}; scaling belongs into "
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
    same = table.ndim == 1 and image.dtype == "uint8" and (table == np.arange(256)).all()
    return None if same else table
