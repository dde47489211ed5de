"""Comparison of two sets of scores: how far they differ, and whether a gate lets them pass."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.metrics.bootstrap import Changes, paired_changes
from cxr_edge.models.gates import Gate
from cxr_edge.pipeline.decision import Decision, round_probability
from cxr_edge.runtimes.base import Outputs
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import SCREENING
from cxr_export.parity.correlation import feature_correlation, map_correlation
from cxr_export.parity.verdict import Excess, Verdict, excess_of_loss, excess_of_share

_SLACK: Final = 1e-12
"""A loss of exactly the limit passes, whatever the last bit."""


@dataclass(frozen=True)
class Nearest:
    """The image that the reference puts nearest to a threshold: its label would flip first."""

    distance: float
    """|p - threshold| of the reference."""
    difference: float
    """|Δp| of that image."""


@dataclass(frozen=True)
class Comparison:
    """A candidate's scores against a reference's, on the same images."""

    images: int
    """Count of images compared."""
    max_difference: float
    """Largest |Δp|."""
    mean_difference: float
    """Mean |Δp|."""
    p99_difference: float
    """99th percentile of |Δp|."""
    p50_difference: float
    """Median |Δp|."""
    worst_image: str
    """Name of the image with the largest |Δp|."""
    flips: dict[str, int]
    """Count of images whose label differs, by operating point."""
    nearest: dict[str, Nearest]
    """Nearest image, by operating point."""
    changes: Changes
    """Changes of AUC, sensitivity and specificity, as far as the images are labelled."""
    gate: Gate
    """Limits of the candidate."""
    judged_at: str
    """Operating point at which a loss of sensitivity counts."""
    map_correlation: float | None = None
    """Correlation of the heat maps; None where one of the two gives none."""
    feature_correlation: float | None = None
    """Correlation of the feature vectors; None where one of the two gives none."""

    @property
    def mismatches(self) -> list[str]:
        """Every limit that the candidate exceeds for sure, with numbers."""
        return [str(excess) for excess in self._excesses if excess.certain]

    @property
    def undecided(self) -> list[str]:
        """Every limit that the candidate exceeds, but on too few images to be sure."""
        return [str(excess) for excess in self._excesses if not excess.certain]

    @property
    def exceeded(self) -> list[str]:
        """Value and limit of every limit that the candidate exceeds, the sure ones first."""
        ordered = sorted(self._excesses, key=lambda excess: not excess.certain)
        return [excess.text for excess in ordered]

    @property
    def verdict(self) -> Verdict:
        """Verdict on all limits."""
        return Verdict.of(self.mismatches, self.undecided)

    @property
    def unjudged(self) -> list[str]:
        """Limits that cannot be judged, because too few images are labelled."""
        return [name for name, change, _ in self._losses if change is None]

    @property
    def _excesses(self) -> list[Excess]:
        gate, found = self.gate, []
        if not np.isfinite(self.max_difference):
            found.append(Excess(f"no probability on {self.worst_image}"))
        elif gate.difference is not None and self.max_difference > gate.difference:
            far = f"|Δp| {self.max_difference:.2e} on {self.worst_image}"
            found.append(Excess(f"{far}, allowed {gate.difference:g}"))
        found += [
            excess_of_share(
                f"{count} of {self.images} labels differ at {point}, allowed {gate.flips:.1%}",
                count,
                self.images,
                gate.flips,
            )
            for point, count in self.flips.items()
            if count > gate.flips * self.images + _SLACK
        ]
        found += [
            excess_of_loss(
                f"{name} changes by {change.value:+.4f}, allowed {-limit:+.4f}",
                change,
                limit,
                self.changes.images,
            )
            for name, change, limit in self._losses
            if change is not None and not change.value >= -limit - _SLACK
        ]
        found += [
            Excess(f"{what} correlate at {correlation:.4f}, allowed {least:g}")
            for what, correlation, least in (
                ("heat maps", self.map_correlation, gate.map_correlation),
                ("features", self.feature_correlation, gate.feature_correlation),
            )
            if least is not None and correlation is not None and correlation < least
        ]
        return found

    @property
    def _losses(self) -> list[tuple[str, Interval | None, float]]:
        changes, point = self.changes, self.judged_at
        losses = (
            ("AUC", changes.auc, self.gate.auc_loss),
            (f"sensitivity at {point}", changes.sensitivity.get(point), self.gate.sensitivity_loss),
        )
        return [(name, change, limit) for name, change, limit in losses if limit is not None]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data; no image is named in it."""
        return {
            "films": self.images,
            "max_difference": finite(self.max_difference),
            "mean_difference": finite(self.mean_difference),
            "p99_difference": finite(self.p99_difference),
            "p50_difference": finite(self.p50_difference),
            "flips": self.flips,
            "nearest": {
                name: {"distance": image.distance, "difference": finite(image.difference)}
                for name, image in self.nearest.items()
            },
            "changes": _changes(self.changes),
            "unjudged": self.unjudged,
            **{
                name: value
                for name in ("map_correlation", "feature_correlation")
                if (value := getattr(self, name)) is not None
            },
            "gate": vars(self.gate),
            "judged_at": self.judged_at,
            "undecided": self.undecided,
            "verdict": self.verdict,
            "passed": self.verdict is Verdict.PASSED,
        }


def compare_scores(
    images: ImageSet,
    reference: NDArray[np.floating],
    candidate: NDArray[np.floating],
    spec: ModelSpec,
    gate: Gate,
    **correlations: float | None,
) -> Comparison:
    """Compare the scores of two models on the same images.

    Parameters
    ----------
    images
        N images.
    reference, candidate
        Probabilities, shape (N,).
    spec
        Spec whose operating points make labels.
    gate
        Limits of the candidate.
    correlations
        ``map_correlation`` and ``feature_correlation``, of :mod:`cxr_export.parity.correlation`.
    """
    expected = np.asarray(reference, np.float64)
    got = np.asarray(candidate, np.float64)
    with np.errstate(invalid="ignore"):
        difference = np.abs(got - expected)
    for scores in (expected, got):
        difference[~((scores >= 0) & (scores <= 1))] = np.inf  # NaN too: no probability at all
    worst = int(np.argmax(difference))
    flips, nearest = {}, {}
    for point in spec.operating_points:
        decision = Decision.of(spec, point.name)
        labels = [[decision.label(p) for p in scores.tolist()] for scores in (expected, got)]
        flips[point.name] = sum(a != b for a, b in zip(*labels, strict=True))
        distances = np.nan_to_num(np.abs(expected - point.threshold), nan=1, posinf=1)
        at = int(np.argmin(distances))
        distance = float(distances[at])
        nearest[point.name] = Nearest(round_probability(distance), float(difference[at]))
    points = [point.name for point in spec.operating_points]
    return Comparison(
        images=len(images.images),
        max_difference=float(difference[worst]),
        mean_difference=float(difference.mean()),
        p99_difference=_quantile(difference, 0.99),
        p50_difference=_quantile(difference, 0.5),
        worst_image=_short(images.images[worst].path),
        flips=flips,
        nearest=nearest,
        changes=paired_changes(
            images.labels, expected, got, images.patients, spec.operating_points
        ),
        gate=gate,
        judged_at=SCREENING if SCREENING in points else spec.default_operating_point,
        **correlations,
    )


def compare_outputs(
    images: ImageSet, reference: Outputs, candidate: Outputs, spec: ModelSpec, gate: Gate
) -> Comparison:
    """Compare all that two models give for the same images; see :func:`compare_scores`."""
    return compare_scores(
        images,
        reference.scores,
        candidate.scores,
        spec,
        gate,
        map_correlation=map_correlation(reference.maps, candidate.maps),
        feature_correlation=feature_correlation(reference.features, candidate.features),
    )


def _short(path: Path) -> str:
    """Return a file's name after that of its folder, which is often its class."""
    return "/".join(path.parts[-2:])


def _quantile(values: NDArray[np.float64], share: float) -> float:
    return float(np.quantile(values, share, method="higher"))


def finite(value: float) -> float | None:
    """Return a figure for JSON, which has neither NaN nor infinity: None in their place."""
    return value if np.isfinite(value) else None


def _changes(changes: Changes) -> dict[str, Any]:
    def by_point(shares: dict[str, Interval]) -> dict[str, Any]:
        return {name: share.to_dict() for name, share in shares.items()}

    return {
        "films": changes.images,
        "auc": changes.auc.to_dict() if changes.auc else None,
        "sensitivity": by_point(changes.sensitivity),
        "specificity": by_point(changes.specificity),
    }
