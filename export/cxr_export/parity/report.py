"""The parity report of a package."""

from dataclasses import dataclass, field
from typing import Any, Final

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.errors import ParityError
from cxr_edge.models.consistency import BATCH_TOLERANCE
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.precision import Precision
from cxr_export.parity.comparison import Comparison, finite
from cxr_export.parity.scoring import batch_mismatches
from cxr_export.parity.verdict import Verdict

PARITY_VERSION: Final = 4
"""Version of ``parity.json``; before 4 it had no ``verdict``, before 3 ``attempts`` was called
``rungs``."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds for one image, with all usable CPUs."""

    cold: float
    """Time to open the artefact and score its first image."""
    warm: float
    """Median time of later images."""


@dataclass(frozen=True)
class ArtefactParity:
    """One artefact, run by one runtime, against the reference."""

    artefact: str
    """File in the package."""
    runtime: str
    """Runtime that ran it."""
    provider: str
    """Execution provider or device of the runtime."""
    precision: Precision
    """Precision, as :class:`cxr_edge.models.package.ArtefactFormat` names it."""
    size: int
    """Size of the file in bytes."""
    comparison: Comparison
    """Comparison of its scores with the reference's."""
    batches: dict[int, float]
    """Largest |Δp| from the scores one by one, by batch size."""
    latency: Latency
    """Time per image on this machine."""
    calibrated: int = 0
    """Count of the images that it was calibrated with."""

    @property
    def mismatches(self) -> list[str]:
        """Every way in which the artefact fails for sure, with numbers."""
        return [
            f"{self.artefact}: {line}"
            for line in (*self.comparison.mismatches, *self.batch_mismatches)
        ]

    @property
    def batch_mismatches(self) -> list[str]:
        """Batch sizes that do not agree, with numbers."""
        return batch_mismatches(self.batches, BATCH_TOLERANCE)

    @property
    def undecided(self) -> list[str]:
        """Limits that it exceeds on too few images to be sure, with numbers."""
        return [f"{self.artefact}: {line}" for line in self.comparison.undecided]

    @property
    def verdict(self) -> Verdict:
        """Verdict on the artefact."""
        return Verdict.of(self.mismatches, self.undecided)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        own = ("artefact", "runtime", "provider", "precision", "size", "calibrated")
        return {
            **{name: getattr(self, name) for name in own},
            **self.comparison.to_dict(),
            "batches": {str(size): finite(difference) for size, difference in self.batches.items()},
            "latency_ms": vars(self.latency),
            "verdict": self.verdict,
            "passed": self.verdict is Verdict.PASSED,
        }


@dataclass(frozen=True)
class ParityReport:
    """All artefacts of a package against one reference."""

    spec: ModelSpec
    """Spec of the reference."""
    reference: str
    """Name of the file that the artefacts were compared with."""
    images: ImageSet
    """Images on which they were compared."""
    artefacts: tuple[ArtefactParity, ...]
    """One per file."""
    attempts: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    """Attempts at each quantized artefact, by file."""
    withheld: dict[str, list[str]] = field(default_factory=dict)
    """Reasons why an artefact is not in the package, by file."""

    @property
    def mismatches(self) -> list[str]:
        """Mismatches of all artefacts, with numbers; what is undecided is none."""
        return [line for artefact in self.artefacts for line in artefact.mismatches]

    def require(self) -> None:
        """Raise if an artefact differs from the reference for sure.

        Raises
        ------
        ParityError
            The message lists every mismatch with its numbers.
        """
        if self.mismatches:
            raise ParityError(
                "the artefacts differ from the reference: " + "; ".join(self.mismatches)
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``parity.json``; no image is named in it."""
        labels = self.images.labels.tolist()
        return {
            "parity_version": PARITY_VERSION,
            "model": self.spec.name,
            "reference": self.reference,
            "films": len(self.images.images),
            "positives": labels.count(1),
            "negatives": labels.count(0),
            "patients": self.images.patient_count,
            "unreadable": len(self.images.unreadable),
            "duplicates": self.images.duplicates,
            "unjudged": sorted(
                {line for artefact in self.artefacts for line in artefact.comparison.unjudged}
            ),
            "artefacts": [artefact.to_dict() for artefact in self.artefacts],
            "attempts": self.attempts,
            "withheld": self.withheld,
        }
