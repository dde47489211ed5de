"""The parity report of a package."""

from dataclasses import dataclass, field
from typing import Any, Final

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.errors import ParityError
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.parity.comparison import Comparison, finite
from cxr_export.parity.scoring import BATCH_SIZES, BATCH_TOLERANCE

PARITY_VERSION: Final = 3
"""Version of ``parity.json``; before 3 ``attempts`` was called ``rungs``."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds for one image, with all usable CPUs."""

    cold: float
    """Opening the artefact and its first image."""
    warm: float
    """Median of later ones."""


@dataclass(frozen=True)
class ArtefactParity:
    """One artefact, run by one runtime, against the reference."""

    artefact: str
    """File in the package."""
    runtime: str
    """That ran it."""
    provider: str
    """That the runtime used."""
    precision: str
    """See :class:`cxr_edge.models.package.Format`."""
    size: int
    """Bytes of the file."""
    comparison: Comparison
    """Of its scores with the reference's."""
    batches: dict[int, float]
    """Batch size to the largest |Δp| from the scores at the first of them."""
    latency: Latency
    """On this machine."""
    calibrated: int = 0
    """So many of the images its ranges were measured on."""

    @property
    def mismatches(self) -> list[str]:
        """Every way in which the artefact fails, with numbers."""
        return [f"{self.artefact}: {line}" for line in (*self.comparison.mismatches, *self.apart)]

    @property
    def apart(self) -> list[str]:
        """Batch sizes that do not agree, with numbers."""
        return [
            f"batches of {size} and {BATCH_SIZES[0]} differ by {difference:.1e}, "
            f"allowed {BATCH_TOLERANCE:g}"
            for size, difference in self.batches.items()
            if not difference <= BATCH_TOLERANCE
        ]

    @property
    def passed(self) -> bool:
        """No mismatch."""
        return not self.mismatches

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        own = ("artefact", "runtime", "provider", "precision", "size", "calibrated")
        return {
            **{name: getattr(self, name) for name in own},
            **self.comparison.to_dict(),
            "batches": {str(size): finite(apart) for size, apart in self.batches.items()},
            "latency_ms": vars(self.latency),
            "passed": self.passed,
        }


@dataclass(frozen=True)
class ParityReport:
    """All artefacts of a package against one reference."""

    spec: ModelSpec
    """Of the model."""
    reference: str
    """File that the artefacts were compared with."""
    images: ImageSet
    """Compared on."""
    artefacts: tuple[ArtefactParity, ...]
    """One a file."""
    attempts: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    """File to what was tried until it passed, where a quantization was looked for."""
    withheld: dict[str, list[str]] = field(default_factory=dict)
    """File to why it is not in the package."""

    @property
    def mismatches(self) -> list[str]:
        """Of all artefacts."""
        return [line for artefact in self.artefacts for line in artefact.mismatches]

    def require(self) -> None:
        """Do nothing where all artefacts agree.

        Raises
        ------
        ParityError
            With every mismatch and its numbers.
        """
        if self.mismatches:
            raise ParityError(
                "the artefacts do not decide as the reference does: " + "; ".join(self.mismatches)
            )

    def to_dict(self) -> dict[str, Any]:
        """Return ``parity.json``'s content; no image is named in it."""
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
