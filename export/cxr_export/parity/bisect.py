"""Search for the first layer at which two artefacts of one network differ."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import DataError, ModelInvalid
from cxr_edge.evaluation.tables import FigureTable, figure_table
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.precision import Precision
from cxr_export.parity.activations.open import open_probe
from cxr_export.parity.activations.probe import OUTPUT, LayerTensor, Probe
from cxr_export.parity.layers import LayerComparison, LayerDifference

BATCH_SIZE: Final = 4
"""Images per call; all tensors of all layers are in memory at once."""

TOLERANCES: Final[Mapping[Precision, float]] = {
    Precision.FP32: 1e-4,
    Precision.FP16: 0.05,
    Precision.INT8: 0.3,
    Precision.DYNAMIC: 0.3,
}
"""Relative error that a layer may have, by precision of the artefact.

Rounding adds up from layer to layer, so that the last ones of a deep network come close to these.
"""


@dataclass(frozen=True)
class Bisection:
    """Two artefacts of one network, layer by layer, on the same images."""

    reference: str
    """File name of the artefact that is right."""
    candidate: str
    """File name of the artefact that is suspected."""
    images: int
    """Count of images compared."""
    tolerance: float
    """Largest relative error at which a layer still agrees."""
    order: tuple[str, ...]
    """All layers of the reference, in the order of computation."""
    layers: tuple[LayerDifference, ...]
    """Layers that are in both artefacts, in that order."""

    @property
    def first(self) -> LayerDifference | None:
        """The first layer that differs by more than the tolerance, if any does."""
        for layer in self.layers:
            if not layer.relative_error <= self.tolerance:
                return layer
        return None

    @property
    def suspects(self) -> tuple[str, ...]:
        """Layers that may be at fault: the first that differs, and those fused into it.

        An exporter fuses a convolution, its batch norm and its activation into one operator; only
        its result can be compared. These are the layers after the last one that agreed, up to
        and with :attr:`first`.
        """
        if self.first is None:
            return ()
        end = self.order.index(self.first.layer)
        compared = {layer.layer for layer in self.layers}
        start = max(
            (i + 1 for i, name in enumerate(self.order[:end]) if name in compared), default=0
        )
        return self.order[start : end + 1]

    @property
    def verdict(self) -> str:
        """One sentence for a person."""
        compared = f"{len(self.layers)} of {len(self.order)} layers compared, {self.images} images"
        if self.first is None:
            worst = max(self.layers, key=lambda layer: layer.relative_error)
            return (
                f"{self.candidate} agrees with {self.reference} in every layer; the largest "
                f"relative error is {worst.relative_error:.3g} at {worst.layer}, allowed "
                f"{self.tolerance:g} ({compared})"
            )
        *before, last = self.suspects
        return (
            f"{self.candidate}: first layer that differs from {self.reference}: {last}"
            + (f" (fused with {', '.join(before)})" if before else "")
            + f"; relative error {self.first.relative_error:.3g}, allowed {self.tolerance:g} "
            f"({compared})"
        )

    def table(self) -> FigureTable:
        """Return all compared layers; the first that differs is marked."""
        columns = ("layer", "shape", "relative error", "max |Δ|", self.reference, self.candidate)
        return figure_table(
            columns,
            (
                (
                    f"{one.layer} (differs)" if one is self.first else one.layer,
                    "x".join(str(side) for side in one.shape),
                    f"{one.relative_error:.1e}",
                    f"{one.max_difference:.1e}",
                    one.reference,
                    one.candidate,
                )
                for one in self.layers
            ),
        )


def bisect(
    reference: Path,
    candidate: Path,
    pixels: NDArray[np.uint8],
    tolerance: float,
    spec: ModelSpec | None = None,
) -> Bisection:
    """Compare two artefacts of one network layer by layer.

    Layers are found by the names of operations, which exporters keep. Layers that were fused away
    are left out, and the fault is then among several layers; see :attr:`Bisection.suspects`. If
    names leave open to which of several consecutive layers a tensor belongs, it is compared with
    each of them and counts as the closest.

    Parameters
    ----------
    reference
        Usually ``model.keras``; ``.onnx`` and ``.tflite`` work too.
    candidate
        Any of them, of any precision.
    pixels
        uint8 of shape (N, H, W, C), N >= 1; a few images are enough.
    tolerance
        Largest relative error of a layer, as :attr:`LayerDifference.relative_error` has it.
    spec
        Spec of a ``.keras`` file, in place of the one inside.

    Raises
    ------
    UsageError
        A file does not exist, or has another suffix.
    DataError
        There are no images, or their shape or type is wrong.
    ModelInvalid
        An artefact cannot be loaded, or they have no layer in common.
    ModelError
        A runtime failed on the images.
    """
    if pixels.ndim != 4 or pixels.dtype != np.uint8 or not len(pixels):
        raise DataError(
            f"expected images to compare on, uint8 (N, H, W, C), got {pixels.dtype} "
            f"{pixels.shape}; use cxr_edge.imaging.preprocess.preprocess"
        )
    probes = open_probe(reference, spec), open_probe(candidate, spec)
    comparisons = _compare(*probes, pixels)
    tensors = [probe.tensors for probe in probes]
    layers = tuple(
        comparison.result(tensors[0][i].name, tensors[1][j].name)
        for (i, j), comparison in comparisons.items()
    )
    if len(layers) < 2:  # any two networks have a last layer
        raise ModelInvalid(
            f"expected two artefacts of one network, got {reference} and {candidate}, which have "
            "no layer of the same name and shape but the last; export both from the same model"
        )
    return Bisection(
        reference=reference.name,
        candidate=candidate.name,
        images=len(pixels),
        tolerance=tolerance,
        order=tuple(tensor.name for tensor in tensors[0]),
        layers=layers,
    )


def _compare(
    reference: Probe, candidate: Probe, pixels: NDArray[np.uint8]
) -> dict[tuple[int, int], LayerComparison]:
    """Return the comparison of each pair of tensors, by their indices."""
    groups: list[list[tuple[int, int]]] = []
    found: dict[tuple[int, int], LayerComparison] = defaultdict(LayerComparison)
    for start in range(0, len(pixels), BATCH_SIZE):
        batch = pixels[start : start + BATCH_SIZE]
        expected, got = reference.run(batch), candidate.run(batch)
        groups = groups or _pairs(reference.tensors, candidate.tensors, expected, got)
        for i, j in (pair for group in groups for pair in group):
            found[i, j].add(expected[i], got[j])
    closest = (min(group, key=lambda pair: found[pair].error) for group in groups)
    return {pair: found[pair] for pair in sorted(closest)}


def _pairs(
    tensors: tuple[LayerTensor, ...],
    others: tuple[LayerTensor, ...],
    values: list[NDArray[Any]],
    their_values: list[NDArray[Any]],
) -> list[list[tuple[int, int]]]:
    """Return groups of pairs of indices; in each group, one pair is the same layer.

    A tensor of the other artefact may be the one with the same operation, or one of those after it
    whose operation has no counterpart: a batch norm without bias, for example, is folded into a
    convolution that keeps its own name.
    """
    if _fused(tensors) and not _fused(others):  # the finer graph first
        groups = _pairs(others, tensors, their_values, values)
        return [[(i, j) for j, i in group] for group in groups]
    links = _links(tensors, others)
    pairs: list[list[tuple[int, int]]] = []
    current: int | None = None
    for i, value in enumerate(values):
        if i in links:
            current = next((j for j in reversed(links[i]) if _fits(value, their_values[j])), None)
            if current is not None:
                pairs.append([(i, current)])
        elif current is not None and _fits(value, their_values[current]):
            pairs[-1].append((i, current))
    return pairs


def _fused(tensors: tuple[LayerTensor, ...]) -> bool:
    """Return whether any tensor may be the result of several operations."""
    return any(len({*tensor.operations} - {OUTPUT}) > 1 for tensor in tensors)


def _links(
    tensors: tuple[LayerTensor, ...], others: tuple[LayerTensor, ...]
) -> dict[int, list[int]]:
    """Return the tensors of the other artefact that have each tensor's last operation."""
    known = {name: i for i, tensor in enumerate(tensors) for name in tensor.operations}
    links: dict[int, list[int]] = defaultdict(list)
    for j, tensor in enumerate(others):
        named = [known[name] for name in tensor.operations if name in known]
        if named:
            links[max(named)].append(j)
    return links


def _fits(expected: NDArray[Any], got: NDArray[Any]) -> bool:
    floats = expected.dtype.kind == got.dtype.kind == "f"
    return floats and _sides(expected) == _sides(got)


def _sides(value: NDArray[Any]) -> tuple[int, ...]:
    """Return the shape without sides of 1, which not all runtimes keep."""
    return (len(value), *(side for side in value.shape[1:] if side != 1))
