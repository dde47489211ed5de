"""Tell whether exported artefacts decide as the Keras model does, from bytes to label."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.discover import discover
from cxr_edge.errors import DataError, ParityError
from cxr_edge.model import RUNTIMES, open_model
from cxr_edge.outcome import Decision
from cxr_edge.package import FORMATS, ORIGINAL, check_checksums
from cxr_edge.prepare import Pixels
from cxr_edge.runtimes import Runtime
from cxr_edge.scan import DEFAULT_BATCH_SIZE, prepare_all
from cxr_edge.spec import ModelSpec
from cxr_export.original import KerasRuntime, load_original

TOLERANCE: Final = 1e-4
"""Largest |Δp| at which an fp32 artefact still passes."""

PARITY_VERSION: Final = 1
"""Version of ``parity.json``."""


@dataclass(frozen=True)
class ArtefactParity:
    """One artefact against the Keras model, on the same films."""

    artefact: str
    """File in the package."""
    runtime: str
    """That ran it."""
    provider: str
    """That the runtime used."""
    films: int
    """Compared."""
    max_difference: float
    """Largest |Δp|."""
    mean_difference: float
    """Mean |Δp|."""
    worst_film: str
    """Where the largest is."""
    flips: dict[str, int]
    """Films whose label differs, by operating point."""
    tolerance: float
    """That |Δp| was held to."""

    @property
    def mismatches(self) -> list[str]:
        """Every way in which the artefact fails, with numbers."""
        found = []
        if not self.max_difference <= self.tolerance:  # NaN fails too
            found.append(
                f"{self.artefact}: |Δp| {self.max_difference:.2e} on {self.worst_film}, "
                f"allowed {self.tolerance:.0e}"
            )
        found += [
            f"{self.artefact}: {count} of {self.films} labels differ at {point}"
            for point, count in self.flips.items()
            if count
        ]
        return found

    @property
    def passed(self) -> bool:
        """No mismatch."""
        return not self.mismatches


@dataclass(frozen=True)
class ParityReport:
    """All artefacts of a package against its Keras model."""

    spec: ModelSpec
    """Of the model."""
    artefacts: tuple[ArtefactParity, ...]
    """One a runtime."""
    films: int
    """Compared."""
    unreadable: int
    """Files of the folder that could not be decoded; every runtime would fail on them alike."""

    def require(self) -> None:
        """Do nothing where all artefacts agree.

        Raises
        ------
        ParityError
            With every mismatch and its numbers.
        """
        mismatches = [line for artefact in self.artefacts for line in artefact.mismatches]
        if mismatches:
            raise ParityError("the artefacts do not decide as Keras does: " + "; ".join(mismatches))

    def to_dict(self) -> dict[str, Any]:
        """Return ``parity.json``'s content; no film is named in it."""
        return {
            "parity_version": PARITY_VERSION,
            "model": self.spec.name,
            "films": self.films,
            "unreadable": self.unreadable,
            "artefacts": [
                {
                    **{key: value for key, value in vars(artefact).items() if key != "worst_film"},
                    "passed": artefact.passed,
                }
                for artefact in self.artefacts
            ],
        }


def verify_package(
    package: Path, data: Sequence[Path], tolerance: float = TOLERANCE
) -> ParityReport:
    """Run the same files through Keras and every exported artefact, and compare.

    Files are read, decoded and preprocessed as a scan does it; each runtime gets the same
    batches.

    Parameters
    ----------
    package
        A model package with its ``model.keras``.
    data
        Files and folders of films; labels are not needed.
    tolerance
        Largest |Δp| allowed.

    Raises
    ------
    UsageError
        A path does not exist.
    ModelError
        The package is incomplete or damaged.
    DataError
        No film could be read.
    """
    check_checksums(package)
    keras_model, spec = load_original(package / ORIGINAL)
    models = {name: open_model(str(package), runtime=name) for name in RUNTIMES}
    runtimes: dict[str, Runtime] = {name: model.runtime for name, model in models.items()}
    names, scores, unreadable = _score(
        data, spec, {"keras": KerasRuntime(keras_model, spec), **runtimes}
    )
    if not names:
        raise DataError(
            f"expected films to compare on, none of {unreadable} files could be read"
            if unreadable
            else "expected films to compare on, the folder has none"
        )
    return ParityReport(
        spec=spec,
        artefacts=tuple(
            _compare(name, runtimes[name], names, scores["keras"], scores[name], spec, tolerance)
            for name in RUNTIMES
        ),
        films=len(names),
        unreadable=unreadable,
    )


def _score(
    data: Sequence[Path], spec: ModelSpec, runtimes: dict[str, Runtime]
) -> tuple[list[str], dict[str, NDArray[np.float32]], int]:
    """Return the films' names, each runtime's probabilities, and how many files failed."""
    names: list[str] = []
    scores: dict[str, list[NDArray[np.float32]]] = {name: [] for name in runtimes}
    unreadable = 0
    prepared = prepare_all(discover(data), spec.input, ahead=2 * DEFAULT_BATCH_SIZE)
    while batch := list(islice(prepared, DEFAULT_BATCH_SIZE)):
        films = [
            (item.path, film.content.pixels)
            for item, film in batch
            if isinstance(film.content, Pixels)
        ]
        unreadable += len(batch) - len(films)
        if not films:
            continue
        names += [path for path, _ in films]
        pixels = np.stack([film for _, film in films])
        for name, runtime in runtimes.items():
            scores[name].append(runtime.run(pixels))
    together = {name: np.concatenate(parts) for name, parts in scores.items() if parts}
    return names, together, unreadable


def _compare(
    name: str,
    runtime: Runtime,
    films: list[str],
    expected: NDArray[np.float32],
    came: NDArray[np.float32],
    spec: ModelSpec,
    tolerance: float,
) -> ArtefactParity:
    difference = np.abs(came.astype(np.float64) - expected)
    worst = int(np.argmax(np.nan_to_num(difference, nan=np.inf)))
    flips = {}
    for point in spec.operating_points:
        decision = Decision.of(spec, point.name)
        flips[point.name] = sum(
            decision.label(one) != decision.label(other)
            for one, other in zip(expected.tolist(), came.tolist(), strict=True)
        )
    return ArtefactParity(
        artefact=next(kind.file for kind in FORMATS.values() if kind.runtime == name),
        runtime=name,
        provider=runtime.provider,
        films=len(films),
        max_difference=float(difference[worst]),
        mean_difference=float(difference.mean()),
        worst_film=films[worst],
        flips=flips,
        tolerance=tolerance,
    )
