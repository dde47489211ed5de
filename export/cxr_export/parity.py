"""Tell whether exported artefacts decide as the Keras model does, from bytes to label."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.artefact import SPEC_MEMBER
from cxr_edge.errors import ModelInvalid, ParityError, UsageError
from cxr_edge.model import open_model, package_spec
from cxr_edge.package import FORMATS, ORIGINAL, Format, check_checksums
from cxr_edge.runtimes import Runtime, Scores
from cxr_edge.spec import ModelSpec
from cxr_export.comparison import Comparison, compare, finite
from cxr_export.films import Films
from cxr_export.gates import FULL, GATES, Gate
from cxr_export.original import open_reference

PARITY_VERSION: Final = 2
"""Version of ``parity.json``."""

BATCH_SIZES: Final = (1, 2, 7, 32)
"""That must agree with each other."""

BATCH_TOLERANCE: Final = 1e-4
"""Largest |Δp| between two batch sizes: sums in another order, as between two fp32 runtimes.

Measured with SSE4.1, AVX2 and AVX-512: up to 1.8e-7 with onnxruntime, 0 with LiteRT, and with Keras
7.5e-6 for convolutional networks and 8.4e-5 for dense ones.
"""

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
    calibrated: int = 0
    """So many of the films its ranges were measured on."""

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
    films: Films
    """Compared on."""
    artefacts: tuple[ArtefactParity, ...]
    """One a file."""
    rungs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
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
            "unjudged": sorted(
                {line for artefact in self.artefacts for line in artefact.comparison.unjudged}
            ),
            "artefacts": [artefact.to_dict() for artefact in self.artefacts],
            "rungs": self.rungs,
            "withheld": self.withheld,
        }


def verify_package(
    package: Path,
    films: Films,
    reference: Path | None = None,
    gates: Mapping[str, Gate] = GATES,
    artefact: str = "",
    spec: ModelSpec | None = None,
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
    spec
        Of the reference, instead of the one inside.

    Raises
    ------
    UsageError
        The reference does not exist.
    ModelError
        The package is incomplete or damaged, or the reference cannot be loaded.
    """
    original = reference or package / ORIGINAL
    if not original.exists():
        if reference:
            raise UsageError(f"--reference: expected a model, {reference} does not exist")
        raise ModelInvalid(
            f"{package}: expected {ORIGINAL} in it, which the installed default model comes "
            "without; name the original: --reference"
        )
    check_checksums(package, elsewhere=ORIGINAL if reference else "")
    known = open_reference(original, spec)
    check_same_meaning(package / SPEC_MEMBER, package_spec(package), known.spec)
    expected = score(known, films.pixels)
    found = [
        measure(package / kind.file, kind, films, expected, known.spec, gates[kind.precision])
        for kind in FORMATS.values()
        if (package / kind.file).is_file() and artefact in ("", kind.file)
    ]
    if not found:
        wanted = artefact or ", ".join(kind.file for kind in FORMATS.values())
        raise ModelInvalid(f"{package}: expected an artefact to compare, {wanted}, it has none")
    return ParityReport(known.spec, original.name, films, tuple(found))


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
    own = open_model(str(path), kind.runtime).spec
    check_same_meaning(path, own, spec)
    check_precision(path, own, kind)
    start = time.perf_counter()  # the runtime's library is loaded by now
    runtime = open_model(str(path), kind.runtime).runtime
    runtime.run(films.pixels[:1])
    cold = 1e3 * (time.perf_counter() - start)
    return ArtefactParity(
        artefact=path.name,
        runtime=kind.runtime,
        provider=runtime.provider,
        precision=kind.precision,
        size=path.stat().st_size,
        comparison=compare(films, expected, score(runtime, films.pixels), spec, gate),
        batches=batches_apart(runtime, films.pixels),
        latency=Latency(round(cold, 2), round(_warm(runtime, films.pixels), 3)),
        calibrated=len(set(films.sha256).intersection(_calibrated_on(own))),
    )


def check_same_meaning(path: Path, came: ModelSpec, wanted: ModelSpec) -> None:
    """Check that an artefact says of itself what its reference says.

    Raises
    ------
    ModelInvalid
        Its classes, its input or its operating points are others; the message lists them.
    """
    ours, theirs = _meaning(wanted), _meaning(came)
    wrong = [
        f"{part}: {said} in the reference, {theirs[part]} in the artefact"
        for part, said in ours.items()
        if said != theirs[part]
    ]
    if wrong:
        raise ModelInvalid(
            f"{path}: its spec is not that of the reference: {'; '.join(wrong)}; export it again"
        )


def _meaning(spec: ModelSpec) -> dict[str, object]:
    """Return what two specs of one model must say alike; scaling may be in the graph of one."""
    return {
        "labels": spec.labels,
        "input": (*spec.input.shape, spec.input.recipe),
        "operating points": {point.name: point.threshold for point in spec.operating_points},
        "default operating point": spec.default_operating_point,
    }


def check_precision(path: Path, spec: ModelSpec, kind: Format) -> None:
    """Check that an artefact is what its name says, so that it is held to the gate it should be.

    Raises
    ------
    ModelInvalid
        Its spec says another precision.
    """
    came = spec.quantization.precision if spec.quantization else FULL
    if came != kind.precision:
        raise ModelInvalid(
            f"{path}: expected an artefact of precision {kind.precision}, its spec says {came}; "
            "export the package again"
        )


def _calibrated_on(spec: ModelSpec) -> Sequence[str]:
    return spec.quantization.films if spec.quantization else ()


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
