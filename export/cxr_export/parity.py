"""Tell whether exported artefacts decide as the Keras model does, from bytes to label."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import ModelInvalid, ParityError, SpecMissing
from cxr_edge.model import open_model
from cxr_edge.package import FORMATS, ORIGINAL, Format, check_checksums, package_spec
from cxr_edge.runtimes import Runtime, Scores
from cxr_edge.spec import ModelSpec
from cxr_export.comparison import Comparison, compare
from cxr_export.films import Films
from cxr_export.gates import GATES, Gate
from cxr_export.original import open_reference

PARITY_VERSION: Final = 2
"""Version of ``parity.json``."""

BATCH_SIZES: Final = (1, 2, 7, 32)
"""That must agree with each other."""

BATCH_TOLERANCE: Final = 1e-6
"""Largest |Δp| between two batch sizes."""

_BATCH: Final = max(BATCH_SIZES)
_BATCH_FILMS: Final = 70
"""So many films are scored at each batch size; two full batches of the largest and some over."""

_TIMED_RUNS: Final = 30


@dataclass(frozen=True)
class Latency:
    """Milliseconds for one film, with all usable CPUs."""

    cold: float
    """Opening the artefact and its first film."""
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
    """See :class:`cxr_edge.package.Format`."""
    size: int
    """Bytes of the file."""
    comparison: Comparison
    """Of its scores with the reference's."""
    batches: dict[int, float]
    """Batch size to the largest |Δp| from the scores at the first of them."""
    latency: Latency
    """On this machine."""

    @property
    def mismatches(self) -> list[str]:
        """Every way in which the artefact fails, with numbers."""
        apart = [
            f"batches of {size} and {BATCH_SIZES[0]} differ by {difference:.1e}, "
            f"allowed {BATCH_TOLERANCE:g}"
            for size, difference in self.batches.items()
            if not difference <= BATCH_TOLERANCE
        ]
        return [f"{self.artefact}: {line}" for line in (*self.comparison.mismatches, *apart)]

    @property
    def passed(self) -> bool:
        """No mismatch."""
        return not self.mismatches

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        own = ("artefact", "runtime", "provider", "precision", "size")
        return {
            **{name: getattr(self, name) for name in own},
            **self.comparison.to_dict(),
            "batches": {str(size): difference for size, difference in self.batches.items()},
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
    films: Films
    """Compared on."""
    artefacts: tuple[ArtefactParity, ...]
    """One a file."""
    rungs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """File to what was tried until it passed, where a quantization was looked for."""

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
        """Return ``parity.json``'s content; no film is named in it."""
        labels = self.films.labels.tolist()
        return {
            "parity_version": PARITY_VERSION,
            "model": self.spec.name,
            "reference": self.reference,
            "films": len(self.films),
            "positives": labels.count(1),
            "negatives": labels.count(0),
            "patients": len(set(self.films.patients)),
            "unreadable": self.films.unreadable,
            "artefacts": [artefact.to_dict() for artefact in self.artefacts],
            "rungs": self.rungs,
        }


def verify_package(
    package: Path,
    films: Films,
    reference: Path | None = None,
    gates: Mapping[str, Gate] = GATES,
    artefact: str = "",
) -> ParityReport:
    """Run the same films through the reference and every artefact of a package, and compare.

    Parameters
    ----------
    package
        A model package.
    films
        Loaded for the package's input; labels are not needed.
    reference
        Instead of the package's ``model.keras``.
    gates
        By precision.
    artefact
        The only file to compare, instead of all.

    Raises
    ------
    ModelError
        The package is incomplete or damaged, or the reference cannot be loaded.
    """
    check_checksums(package)
    original = reference or package / ORIGINAL
    if not original.exists():
        raise ModelInvalid(f"{package}: expected {ORIGINAL} in it; name the original: --reference")
    try:
        known = open_reference(original)
    except SpecMissing:  # a model of other origin means what the package says
        known = open_reference(original, package_spec(package))
    spec = known.spec
    expected = score(known, films.pixels)
    found = [
        measure(package / kind.file, kind, films, expected, spec, gates[kind.precision])
        for kind in FORMATS.values()
        if (package / kind.file).is_file() and artefact in ("", kind.file)
    ]
    if not found:
        wanted = artefact or ", ".join(kind.file for kind in FORMATS.values())
        raise ModelInvalid(f"{package}: expected an artefact to compare, {wanted}, it has none")
    return ParityReport(spec, original.name, films, tuple(found))


def measure(
    path: Path, kind: Format, films: Films, expected: Scores, spec: ModelSpec, gate: Gate
) -> ArtefactParity:
    """Compare one artefact with the reference's scores.

    Parameters
    ----------
    path
        The artefact.
    kind
        Its format.
    films
        N films.
    expected
        Shape (N,), what the reference gives.
    spec
        Of the reference: its labels and operating points are what the artefact is judged by.
    gate
        To hold it to.

    Raises
    ------
    ModelInvalid
        It cannot be run, or its spec says other than that of the reference.
    """
    start = time.perf_counter()
    runtime = open_model(str(path), kind.runtime).runtime
    runtime.run(films.pixels[:1])
    cold = 1e3 * (time.perf_counter() - start)
    check_same_meaning(path, runtime.spec, spec)
    return ArtefactParity(
        artefact=path.name,
        runtime=kind.runtime,
        provider=runtime.provider,
        precision=kind.precision,
        size=path.stat().st_size,
        comparison=compare(films, expected, score(runtime, films.pixels), spec, gate),
        batches=batches_apart(runtime, films.pixels),
        latency=Latency(round(cold, 2), round(_warm(runtime, films.pixels), 3)),
    )


def check_same_meaning(path: Path, came: ModelSpec, wanted: ModelSpec) -> None:
    """Check that an artefact says of itself what its reference says.

    Raises
    ------
    ModelInvalid
        Its classes, its input or its operating points are others; the message lists them.
    """
    parts = ("labels", "input", "operating_points", "default_operating_point")
    wrong = [
        f"{name.replace('_', ' ')}: {getattr(wanted, name)} in the reference, "
        f"{getattr(came, name)} in the artefact"
        for name in parts
        if getattr(came, name) != getattr(wanted, name)
    ]
    if wrong:
        raise ModelInvalid(
            f"{path}: its spec is not that of the reference: {'; '.join(wrong)}; export it again"
        )


def score(runtime: Runtime, pixels: NDArray[np.uint8], batch: int = _BATCH) -> Scores:
    """Return the scores of N films, shape (N,), run in batches."""
    return np.concatenate(
        [runtime.run(pixels[first : first + batch]) for first in range(0, len(pixels), batch)]
    )


def batches_apart(runtime: Runtime, pixels: NDArray[np.uint8]) -> dict[int, float]:
    """Return how far scores in batches of each of :data:`BATCH_SIZES` are from those one by one.

    Of the first films; a largest |Δp| for each size but the first.
    """
    pixels = pixels[:_BATCH_FILMS]
    first = score(runtime, pixels, BATCH_SIZES[0]).astype(np.float64)
    return {
        size: float(np.abs(score(runtime, pixels, size) - first).max()) for size in BATCH_SIZES[1:]
    }


def _warm(runtime: Runtime, pixels: NDArray[np.uint8]) -> float:
    taken = []
    for number in range(_TIMED_RUNS):
        film = pixels[number % len(pixels)][np.newaxis]
        start = time.perf_counter()
        runtime.run(film)
        taken.append(1e3 * (time.perf_counter() - start))
    return statistics.median(taken)
