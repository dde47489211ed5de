"""Comparison of a package's artefacts with their Keras model, from bytes to label."""

import contextlib
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.errors import ModelInvalid, UsageError
from cxr_edge.models.checksums import check_checksums
from cxr_edge.models.consistency import try_answers
from cxr_edge.models.features import require_features
from cxr_edge.models.gates import GATES, Gate
from cxr_edge.models.locate import package_spec
from cxr_edge.models.open import open_artefact
from cxr_edge.models.package import FORMATS, ORIGINAL, ArtefactFormat
from cxr_edge.models.registry import RUNTIMES
from cxr_edge.runtimes.base import Outputs, Runtime
from cxr_edge.runtimes.batches import run_in_batches
from cxr_edge.runtimes.timing import milliseconds
from cxr_edge.spec.embedding import SPEC_MEMBER
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.precision import Precision
from cxr_export.keras_models.reference import open_reference
from cxr_export.parity.comparison import compare_outputs
from cxr_export.parity.meaning import differences_in_meaning
from cxr_export.parity.report import ArtefactParity, Latency, ParityReport
from cxr_export.parity.scoring import batch_differences

_TIMED_RUNS: Final = 30


def verify_package(
    package: Path,
    images: ImageSet,
    reference: Path | None = None,
    gates: Mapping[Precision, Gate] = GATES,
    artefact: str = "",
    spec: ModelSpec | None = None,
) -> ParityReport:
    """Run the same images through the reference and every artefact of a package, and compare.

    Parameters
    ----------
    package
        A model package.
    images
        Loaded for the package's input; labels are not needed.
    reference
        Model to compare with, in place of the package's ``model.keras``.
    gates
        Limits by precision.
    artefact
        Name of the only file to compare; empty for all.
    spec
        Spec of the reference, in place of the one inside.

    Raises
    ------
    UsageError
        The reference does not exist.
    ModelError
        The package is incomplete or damaged, or the reference cannot be loaded, or is of no use:
        its answers vary, or are the same for every image.
    """
    original = reference or package / ORIGINAL
    if not original.exists():
        if reference:
            raise UsageError(f"--reference: expected a model, {reference} does not exist")
        raise ModelInvalid(
            f"{package}: expected {ORIGINAL} in it, got none (the installed default model comes "
            "without it); name the model to compare with: --reference"
        )
    check_checksums(package, elsewhere=ORIGINAL if reference else "")
    known = open_reference(original, spec, maps=True, features=True)
    check_same_meaning(package / SPEC_MEMBER, package_spec(package), known.spec)
    try_answers(known).require_usable(str(original))
    expected = run_in_batches(known, images.pixels, what=f"scoring by {original.name}")
    found = [
        measure_artefact(
            package / kind.file, kind, images, expected, known.spec, gates[kind.precision]
        )
        for kind in FORMATS.values()
        if (package / kind.file).is_file() and artefact in ("", kind.file)
    ]
    if not found:
        wanted = artefact or ", ".join(kind.file for kind in FORMATS.values())
        raise ModelInvalid(f"{package}: expected an artefact to compare ({wanted}), got none")
    return ParityReport(known.spec, original.name, images, tuple(found))


def measure_artefact(
    path: Path,
    kind: ArtefactFormat,
    images: ImageSet,
    expected: Outputs,
    spec: ModelSpec,
    gate: Gate,
) -> ArtefactParity:
    """Compare one artefact with the reference's answers.

    Parameters
    ----------
    path
        The artefact.
    kind
        Its format.
    images
        N images.
    expected
        Answers of the reference; heat maps and features are compared where both give some.
    spec
        Spec of the reference; its labels and operating points judge the artefact.
    gate
        Limits of the artefact.

    Raises
    ------
    ModelInvalid
        It cannot be run, its spec differs from that of the reference, or it does not give the
        features that the input check of its spec needs.
    """
    with contextlib.suppress(ImportError):  # loading the library is not part of the time
        RUNTIMES[kind.runtime].load()
    start = time.perf_counter()
    model = open_artefact(
        str(path),
        kind.runtime,
        maps=expected.maps is not None,
        features=expected.features is not None,
    )
    runtime = model.runtime
    check_same_meaning(path, runtime.spec, spec)
    check_precision(path, runtime.spec, kind)
    if runtime.spec.input_check:
        require_features(model, runtime.spec.input_check.features)
    runtime.run(images.pixels[:1])
    cold = 1e3 * (time.perf_counter() - start)
    given = run_in_batches(runtime, images.pixels, what=f"scoring by {path.name}")
    return ArtefactParity(
        artefact=path.name,
        runtime=kind.runtime,
        provider=runtime.provider,
        precision=kind.precision,
        size=path.stat().st_size,
        comparison=compare_outputs(images, expected, given, spec, gate),
        batches=batch_differences(runtime, images.pixels),
        latency=Latency(round(cold, 2), round(_warm(runtime, images.pixels), 3)),
        calibrated=len(set(images.sha256).intersection(_calibrated_on(runtime.spec))),
    )


def check_same_meaning(path: Path, got: ModelSpec, wanted: ModelSpec) -> None:
    """Check that the spec of an artefact agrees with that of its reference.

    Raises
    ------
    ModelInvalid
        Its classes, its input or its operating points differ; the message lists them.
    """
    if wrong := differences_in_meaning(wanted, got):
        raise ModelInvalid(
            f"{path}: its spec differs from that of the reference ({'; '.join(wrong)}); "
            "export it again"
        )


def check_precision(path: Path, spec: ModelSpec, kind: ArtefactFormat) -> None:
    """Check that an artefact has the precision of its name, so that the right limits hold.

    Raises
    ------
    ModelInvalid
        Its spec names another precision.
    """
    got = spec.quantization.precision if spec.quantization else Precision.FP32
    if got != kind.precision:
        raise ModelInvalid(
            f"{path}: expected an artefact of precision {kind.precision}, its spec says {got}; "
            "export the package again"
        )


def _calibrated_on(spec: ModelSpec) -> Sequence[str]:
    return spec.quantization.films if spec.quantization else ()


def _warm(runtime: Runtime, pixels: NDArray[np.uint8]) -> float:
    images = cycle(pixels[:_TIMED_RUNS, np.newaxis])
    taken = milliseconds(lambda: runtime.run(next(images)), _TIMED_RUNS, warm=True, budget=math.inf)
    return statistics.median(taken)
