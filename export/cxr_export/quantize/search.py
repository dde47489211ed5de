"""Look for a quantization that passes its gate: attempt by attempt, each one recorded."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.metrics.calibration import logit
from cxr_edge.models.gates import Gate
from cxr_edge.models.open import open_model
from cxr_edge.runtimes.base import Scores
from cxr_edge.runtimes.batches import run_in_batches
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.quantization import Quantization
from cxr_export.parity.comparison import Comparison, compare_scores, finite
from cxr_export.parity.images import SEED
from cxr_export.quantize.plan import QuantizationPlan, Quantizer

LARGEST: Final = {"fp16": 0.55, "int8": 0.3, "dynamic": 0.3}
"""Share of the float artefact's size that layers left in float may bring it to, where the first
attempt is not larger than that already."""

_FIRST: Final = (2, 4, 8)
"""So many of the first layers are left in float: they have few weights and the widest ranges."""

_SENSITIVE: Final = (1, 2, 4, 8, 16)
"""So many of the most sensitive layers are left in float."""

_PROBED: Final = 32
"""Calibration images on which the layers are compared."""


@dataclass(frozen=True)
class Attempt:
    """One attempt."""

    name: str
    """What was tried."""
    plan: QuantizationPlan
    """In detail."""
    size: int
    """Bytes of the artefact."""
    comparison: Comparison
    """With the reference."""
    mismatches: tuple[str, ...]
    """Why it did not pass; empty where it did."""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data; no image is named in it."""
        found = self.comparison
        changes = found.changes
        sensitivity = changes.sensitivity.get(found.judged_at)
        return {
            "attempt": self.name,
            "calibrator": self.plan.calibrator,
            "films": self.plan.images,
            "weights_only": list(self.plan.weights_only),
            "float_layers": list(self.plan.float_layers),
            "size": self.size,
            "max_difference": finite(found.max_difference),
            "mean_difference": finite(found.mean_difference),
            "flips": found.flips,
            "auc_change": changes.auc.value if changes.auc else None,
            "sensitivity_change": sensitivity.value if sensitivity else None,
            "passed": not self.mismatches,
        }


@dataclass(frozen=True)
class QuantizationSearch:
    """The attempts at one artefact, from the cheapest to the most costly."""

    quantizer: Quantizer
    """That makes the attempts."""
    source: Path
    """The float artefact they are made from."""
    spec: ModelSpec
    """Of it."""
    calibration: ImageSet
    """To calibrate with, in the order in which they are taken."""
    judged: ImageSet
    """To judge on, of other patients."""
    expected: Scores
    """Shape (N,), what the reference gives for those."""
    gate: Gate
    """To pass."""
    count: int
    """Calibration images to begin with."""

    def run(self, path: Path, tell: Callable[[str], None] = lambda line: None) -> list[Attempt]:
        """Make attempt after attempt until one passes; ``path`` is then the artefact.

        Parameters
        ----------
        path
            The file to write; after the last attempt it may hold one that did not pass.
        tell
            Called with one line per attempt.

        Returns
        -------
        list of Attempt
            The last one passed, or none did.

        Raises
        ------
        ModelError
            A library refuses.
        """
        tried: list[Attempt] = []
        for name, plan in self._plans(path.with_name(f"probe-{path.name}"), tried):
            self.quantizer.write(plan, self._spec(plan), path)
            scores = _scores(path, self.judged.pixels)
            found = compare_scores(self.judged, self.expected, scores, self.spec, self.gate)
            size = path.stat().st_size
            allowed = max(LARGEST[self.quantizer.precision] * self.source.stat().st_size,
                          tried[0].size if tried else size)  # fmt: skip
            large = [f"{size} bytes, allowed {allowed:.0f}"] if size > allowed else []
            mismatches = (*found.mismatches, *large)
            tried.append(Attempt(name, plan, size, found, mismatches))
            tell(f"{path.name}, {name}: {'; '.join(mismatches) or 'passed'}")
            if not mismatches:
                break
        return tried

    def _plans(
        self, probe: Path, tried: Sequence[Attempt]
    ) -> Iterator[tuple[str, QuantizationPlan]]:
        """Yield what to try, the cheapest first; ``tried`` is what became of those before."""
        layers = self.quantizer.layers
        for calibrator in self.quantizer.calibrators:
            plan = QuantizationPlan(calibrator, min(self.count, len(self.calibration.images)))
            yield f"{calibrator}, {plan.images} images", plan
        if not self.quantizer.calibrators:
            yield "all layers", QuantizationPlan()
        base = min(tried, key=lambda attempt: attempt.comparison.mean_difference).plan
        if base.calibrator and len(self.calibration.images) > base.images:
            more = replace(base, images=len(self.calibration.images))
            yield f"{more.calibrator}, {more.images} images", more
        if self.quantizer.precision != "fp16":  # there weights are all that is quantized
            yield "last layer: weights only", replace(base, weights_only=layers[-1:])
            both = dict.fromkeys((layers[0], layers[-1]))
            yield "first and last layer: weights only", replace(base, weights_only=tuple(both))
            base = replace(base, weights_only=layers[-1:])  # small, and next to the answer
        for count in _FIRST:
            if count < len(layers):
                yield f"first {count} layers in float", _in_float(base, layers[:count])
        ranked = self._most_sensitive(base, probe)
        for count in _SENSITIVE:
            if count < len(layers):
                kept = tuple(layer for layer in layers if layer in ranked[:count])
                yield f"{count} most sensitive in float", _in_float(base, kept)

    def _most_sensitive(self, base: QuantizationPlan, probe: Path) -> list[str]:
        """Rank layers by how far the output moves, in logits, when one alone is quantized."""
        images = self.calibration.pixels[:_PROBED]
        expected = logit(_scores(self.source, images))
        moved = {}
        for layer in self.quantizer.layers:
            others = tuple(other for other in self.quantizer.layers if other != layer)
            self.quantizer.write(_in_float(base, others), self.spec, probe)
            moved[layer] = float(np.abs(logit(_scores(probe, images)) - expected).mean())
        probe.unlink(missing_ok=True)
        return sorted(moved, key=lambda layer: -moved[layer])

    def _spec(self, plan: QuantizationPlan) -> ModelSpec:
        images = tuple(sorted(self.calibration.sha256[: plan.images]))
        return replace(
            self.spec,
            quantization=Quantization(
                precision=self.quantizer.precision,
                calibrator=plan.calibrator,
                seed=SEED if images else None,
                films=images,
                weights_only=plan.weights_only,
                float_layers=plan.float_layers,
            ),
        )


def _in_float(base: QuantizationPlan, layers: tuple[str, ...]) -> QuantizationPlan:
    """Return a plan that leaves layers in float, of those with quantized weights too."""
    rest = tuple(layer for layer in base.weights_only if layer not in layers)
    return replace(base, float_layers=layers, weights_only=rest)


def _scores(path: Path, pixels: NDArray[np.uint8]) -> Scores:
    return run_in_batches(open_model(str(path)).runtime, pixels).scores
