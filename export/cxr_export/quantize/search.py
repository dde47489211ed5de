"""Search for a quantization that passes its gate; every attempt is recorded."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.metrics.calibration import logit
from cxr_edge.models.gates import Gate
from cxr_edge.models.open import open_artefact
from cxr_edge.runtimes.base import Outputs, Scores
from cxr_edge.runtimes.batches import run_in_batches
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.precision import Precision
from cxr_edge.spec.quantization import Quantization
from cxr_edge.system.progress import stage, track
from cxr_export.parity.comparison import Comparison, compare_outputs, finite
from cxr_export.parity.images import SEED
from cxr_export.parity.verdict import Verdict
from cxr_export.quantize.plan import QuantizationPlan, Quantizer

LARGEST: Final = {Precision.FP16: 0.55, Precision.INT8: 0.3, Precision.DYNAMIC: 0.3}
"""Largest size of an artefact as a share of the float one's, unless the first attempt is larger."""

_FIRST: Final = (2, 4, 8)
"""Counts of first layers to leave in float: they have few weights and the widest ranges."""

_SENSITIVE: Final = (1, 2, 4, 8, 16)
"""Counts of most sensitive layers to leave in float."""

_PROBED: Final = 32
"""Calibration images on which the sensitivity of layers is measured."""


@dataclass(frozen=True)
class QuantizationAttempt:
    """One quantization that was tried."""

    name: str
    """Name of the attempt, for people."""
    plan: QuantizationPlan
    """Choices made for it."""
    size: int
    """Size of the artefact in bytes."""
    comparison: Comparison
    """Comparison with the reference."""
    mismatches: tuple[str, ...]
    """Reasons why it fails for sure."""

    @property
    def undecided(self) -> list[str]:
        """Limits that it exceeds on too few images to be sure."""
        return self.comparison.undecided

    @property
    def verdict(self) -> Verdict:
        """Verdict on the attempt."""
        return Verdict.of(self.mismatches, self.undecided)

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
            "verdict": self.verdict,
            "passed": self.verdict is Verdict.PASSED,
        }


def best_of(tried: Sequence[QuantizationAttempt]) -> QuantizationAttempt:
    """Return the attempt that fails least: by verdict, changed labels and mean |Δp|."""
    order = list(Verdict)
    return min(
        tried,
        key=lambda attempt: (
            order.index(attempt.verdict),
            sum(attempt.comparison.flips.values()),
            attempt.comparison.mean_difference,
        ),
    )


@dataclass(frozen=True)
class QuantizationSearch:
    """The attempts at one artefact, from the cheapest to the most costly."""

    quantizer: Quantizer
    """Quantizer of the artefact's format."""
    source: Path
    """Float artefact that is quantized."""
    spec: ModelSpec
    """Spec of the float artefact."""
    calibration: ImageSet
    """Images to calibrate with, in the order in which they are taken."""
    judged: ImageSet
    """Images to judge on, of other patients."""
    expected: Outputs
    """Answers of the reference for these, with heat maps and features where they are compared."""
    gate: Gate
    """Limits of the artefact."""
    count: int
    """Calibration images of the first attempts."""

    def run(
        self, path: Path, tell: Callable[[str], None] = lambda line: None
    ) -> list[QuantizationAttempt]:
        """Make attempt after attempt until one passes; ``path`` is then the artefact.

        If none passes, the artefact is the attempt with the fewest changed labels among those that
        do not fail for sure.

        Parameters
        ----------
        path
            The file to write; if every attempt fails, it holds the last one.
        tell
            Called with one line per attempt.

        Returns
        -------
        list of QuantizationAttempt
            All attempts; only the last one may have passed. There is an artefact unless all failed.

        Raises
        ------
        ModelError
            A library cannot quantize or run the network.
        """
        tried: list[QuantizationAttempt] = []
        for name, plan in self._plans(path.with_name(f"probe-{path.name}"), tried):
            with stage(f"trying {path.name}, {name}"):
                self.quantizer.write(plan, self._spec(plan), path)
                runtime = open_artefact(
                    str(path),
                    maps=self.expected.maps is not None,
                    features=self.expected.features is not None,
                ).runtime
                given = run_in_batches(runtime, self.judged.pixels)
            found = compare_outputs(self.judged, self.expected, given, self.spec, self.gate)
            size = path.stat().st_size
            allowed = max(LARGEST[self.quantizer.precision] * self.source.stat().st_size,
                          tried[0].size if tried else size)  # fmt: skip
            large = [f"{size / 1e6:.3f} MB, allowed {allowed / 1e6:.3f}"] if size > allowed else []
            mismatches = (*found.mismatches, *large)
            attempt = QuantizationAttempt(name, plan, size, found, mismatches)
            tried.append(attempt)
            reasons = (*large, *found.exceeded)
            more = f" (and {len(reasons) - 1} more)" if reasons[1:] else ""
            tell(f"{path.name}, {name}: {', '.join((attempt.verdict, *reasons[:1]))}{more}")
            if attempt.verdict is Verdict.PASSED:
                return tried
        if (best := best_of(tried)).verdict is Verdict.INCONCLUSIVE and best is not tried[-1]:
            self.quantizer.write(best.plan, self._spec(best.plan), path)
        return tried

    def _plans(
        self, probe: Path, tried: Sequence[QuantizationAttempt]
    ) -> Iterator[tuple[str, QuantizationPlan]]:
        """Yield plans with their names, the cheapest first; ``tried`` holds the attempts so far."""
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
        if self.quantizer.precision != Precision.FP16:  # only its weights are quantized
            yield "last layer: weights only", replace(base, weights_only=layers[-1:])
            both = dict.fromkeys((layers[0], layers[-1]))
            yield "first and last layer: weights only", replace(base, weights_only=tuple(both))
            base = replace(base, weights_only=layers[-1:])  # small, and next to the output
        for count in _FIRST:
            if count < len(layers):
                yield f"first {count} layers in float", _in_float(base, layers[:count])
        ranked = self._most_sensitive(base, probe)
        for count in _SENSITIVE:
            if count < len(layers):
                kept = tuple(layer for layer in layers if layer in ranked[:count])
                yield f"{count} most sensitive in float", _in_float(base, kept)

    def _most_sensitive(self, base: QuantizationPlan, probe: Path) -> list[str]:
        """Rank layers by how far the output moves, in logits, if only one layer is quantized."""
        images = self.calibration.pixels[:_PROBED]
        expected = logit(_scores(self.source, images))
        moved = {}
        for layer in track(self.quantizer.layers, "measuring how sensitive layers are"):
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
    """Return a plan that leaves layers in float, also those with quantized weights."""
    rest = tuple(layer for layer in base.weights_only if layer not in layers)
    return replace(base, float_layers=layers, weights_only=rest)


def _scores(path: Path, pixels: NDArray[np.uint8]) -> Scores:
    return run_in_batches(open_artefact(str(path)).runtime, pixels).scores
