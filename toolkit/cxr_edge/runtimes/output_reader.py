"""The output of one artefact as probabilities of the positive class."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ModelInvalid
from cxr_edge.runtimes.base import Scores
from cxr_edge.runtimes.tensor import FLOATS, QUANTIZED, Array, Tensor, is_open, shape_text
from cxr_edge.spec.output_spec import OutputSpec, OutputValues

SOFTMAX_TOLERANCE: Final = 1e-3
"""Largest difference of the sum of an image's probabilities from 1."""
_NAME_THE_CLASSES: Final = (
    '; a softmax of several classes needs their names in the spec: "output": {"classes": [...], '
    '"positive": "..."}'
)


class OutputReader:
    """Reader of one artefact's output: numbers of the library to probabilities.

    The output has one number per image, shape (N,) or (N, 1), or one for each class, (N, K): two
    in the order of the spec's labels, or as many as the spec's output names. They are
    probabilities, or logits if the spec says so.
    """

    def __init__(self, source: str, given: OutputSpec, output: Tensor) -> None:
        """Compare an output with its spec, as far as it is known before the first image.

        Parameters
        ----------
        source
            Artefact, for messages.
        given
            Output that it should have.
        output
            Output, as the artefact's library describes it.

        Raises
        ------
        ModelInvalid
            It has another shape or type.
        """
        self._source, self._given, self._output = source, given, output
        self._columns = _columns(given)
        self._check_output()

    def read(self, got: Array, images: int) -> Scores:
        """Return the probabilities of the positive class.

        Parameters
        ----------
        got
            Numbers that the library gave.
        images
            Number of images.

        Raises
        ------
        ModelInvalid
            They are not those of so many images, or are no probabilities.
        """
        if got.shape not in [(images, *rest) for rest in self._columns]:
            wanted = " or ".join(shape_text((images, *rest)) for rest in self._columns)
            raise ModelInvalid(
                f"{self._source}: expected the output of one image in each row, shape {wanted}, "
                f"got {shape_text(got.shape)}"
            )
        values, tolerance = got.astype(np.float32), SOFTMAX_TOLERANCE
        if self._output.dtype in QUANTIZED:
            values = (values - self._output.zero_point) * np.float32(self._output.scale)
            tolerance += got.shape[-1] * self._output.scale  # rounded, and 1 may be out of reach
        several = values.ndim == 2 and values.shape[1] > 1
        if self._given.values is OutputValues.LOGIT:
            values = _softmax(values) if several else _sigmoid(values)
        elif several:
            self._check_sums(values, tolerance)
        if several:
            columns = self._given.positive_columns
            values = values[:, columns[0]] if len(columns) == 1 else _total(values[:, columns])
        return np.ascontiguousarray(values.reshape(-1), np.float32)

    def _check_sums(self, values: Array, tolerance: float) -> None:
        """Refuse several columns that are no probabilities of exclusive classes."""
        wrong = (np.abs(values.sum(axis=1) - 1) > tolerance) | (values < -tolerance).any(axis=1)
        if wrong.any():  # not so for NaN, which fails its own image alone
            first = ", ".join(f"{value:.4g}" for value in values[wrong][0])
            raise ModelInvalid(
                f"{self._source}: expected probabilities (softmax) that add up to 1, got "
                f"{first}; end the graph in a softmax, or say in the spec that they are logits: "
                '"output": {"values": "logit"}'
            )

    def _check_output(self) -> None:
        """Check the output as far as it is known before the first image."""
        output, shape = self._output, self._output.shape
        known = not shape or any(
            len(shape) == 1 + len(rest)
            and all(is_open(got) or got == side for got, side in zip(shape[1:], rest, strict=True))
            for rest in self._columns
        )
        if not known:
            wanted = " or ".join(shape_text(("N", *rest)) for rest in self._columns)
            advice = "" if self._given.classes else _NAME_THE_CLASSES
            raise ModelInvalid(
                f"{self._source}: expected the output of one image in each row, shape {wanted}, "
                f"got {shape_text(output.shape)}{advice}"
            )
        if output.dtype in QUANTIZED and output.scale > 0:
            return
        if output.dtype not in FLOATS:
            raise ModelInvalid(
                f"{self._source}: expected {self._given.values.plural}, {' or '.join(FLOATS)}, "
                f"the model gives {output}; end the graph where they are, before they become "
                "classes"
            )


def read_beside(source: str, output: Tensor, got: Array, images: int) -> NDArray[np.float32]:
    """Return what an output beside the probability gives, in float32.

    Parameters
    ----------
    source
        Artefact, for messages.
    output
        The output, as the artefact's library describes it.
    got
        Numbers that the library gave.
    images
        Number of images.

    Raises
    ------
    ModelInvalid
        They are not those of so many images.
    """
    if got.ndim != len(output.shape) or len(got) != images:
        raise ModelInvalid(
            f"{source}: expected the output {output.name} to have {len(output.shape)} axes, the "
            f"first of {images} images, got shape {shape_text(got.shape)}; export it again"
        )
    return np.ascontiguousarray(got, np.float32)


def _columns(output: OutputSpec) -> tuple[tuple[int, ...], ...]:
    """Return the shapes that one image's part of the output may have."""
    return ((len(output.classes),),) if output.classes else ((), (1,), (2,))


def _total(probabilities: Array) -> Array:
    """Return the sum of each row's probabilities, which rounding must not take above 1."""
    total: Array = np.clip(probabilities.sum(axis=1), 0, 1)
    return total


def _sigmoid(logits: Array) -> Array:
    half: Array = 0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64)))  # never overflows
    return half


def _softmax(logits: Array) -> Array:
    """Return the probabilities of each row's classes."""
    rows = logits.astype(np.float64)
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares
