"""Parity in a project's own tests: models are compared, and every mismatch is listed."""

import dataclasses
import warnings
from dataclasses import dataclass
from pathlib import Path

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.errors import ParityError, UsageError
from cxr_edge.models.consistency import BATCH_TOLERANCE
from cxr_edge.models.gates import GATES, Gate
from cxr_edge.runtimes.batches import run_in_batches
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.precision import Precision
from cxr_export.parity.comparison import Comparison, compare_outputs
from cxr_export.parity.meaning import differences_in_meaning, size
from cxr_export.parity.scoring import batch_differences, batch_mismatches
from cxr_export.parity.verdict import Verdict
from cxr_export.testing.inputs import (
    DataLike,
    ModelLike,
    images_from,
    model_name,
    open_candidates,
    open_one,
    read_spec,
    with_channels,
)


@dataclass(frozen=True)
class CandidateParity:
    """One candidate against the reference."""

    candidate: str
    """Name of the file, after that of its package; for a runtime, the name in its spec."""
    provider: str
    """Execution provider or device that ran it."""
    precision: Precision
    """Precision in its spec: ``fp32``, ``fp16``, ``int8`` or ``dynamic``."""
    meaning: tuple[str, ...]
    """Differences between its spec and that of the reference."""
    comparison: Comparison | None
    """Comparison of its scores with the reference's; None if it takes images of another size."""
    batches: dict[int, float]
    """Largest |Δp| from the scores one by one, by batch size."""
    batch_difference: float
    """Largest |Δp| allowed between batch sizes."""

    @property
    def mismatches(self) -> list[str]:
        """Every limit that the candidate exceeds for sure, with numbers."""
        batches = batch_mismatches(self.batches, self.batch_difference)
        decisions = self.comparison.mismatches if self.comparison else []
        return [f"{self.candidate}: {line}" for line in (*self.meaning, *decisions, *batches)]

    @property
    def undecided(self) -> list[str]:
        """Limits that it exceeds on too few images to be sure, with numbers."""
        lines = self.comparison.undecided if self.comparison else []
        return [f"{self.candidate}: {line}" for line in lines]

    @property
    def verdict(self) -> Verdict:
        """Verdict on the candidate."""
        return Verdict.of(self.mismatches, self.undecided)


@dataclass(frozen=True)
class Parity:
    """All candidates against one reference."""

    reference: str
    """Name, like :attr:`CandidateParity.candidate`."""
    images: ImageSet
    """Images on which they were compared."""
    candidates: tuple[CandidateParity, ...]
    """One candidate, or one for each artefact of a package."""

    @property
    def mismatches(self) -> list[str]:
        """Mismatches of all candidates, with numbers."""
        return [line for candidate in self.candidates for line in candidate.mismatches]

    @property
    def undecided(self) -> list[str]:
        """Limits that candidates exceed on too few images to be sure, with numbers."""
        return [line for candidate in self.candidates for line in candidate.undecided]

    @property
    def passed(self) -> bool:
        """Whether every candidate passed: nothing exceeds its limit, not even perhaps."""
        return not self.mismatches and not self.undecided

    @property
    def rows(self) -> list[dict[str, str]]:
        """Cells of a table, one row per candidate; flips are in the order of operating points."""
        count, unreadable = len(self.images.images), len(self.images.unreadable)
        return [
            {
                "candidate": each.candidate,
                "reference": self.reference,
                "images": f"{count} of {count + unreadable}" if unreadable else str(count),
                "max |Δp|": f"{each.comparison.max_difference:.1e}" if each.comparison else "-",
                "flips": ", ".join(map(str, each.comparison.flips.values()))
                if each.comparison
                else "-",
                "verdict": each.verdict.cell,
            }
            for each in self.candidates
        ]


class ParityWarning(UserWarning):
    """A candidate may differ from its reference; the images are too few to tell."""


class ParityAssertionError(ParityError, AssertionError):
    """A candidate differs from its reference.

    Parameters
    ----------
    parity
        The figures; kept as the attribute of that name.
    """

    def __init__(self, parity: Parity) -> None:
        lines = "".join(f"\n  {line}" for line in parity.mismatches)
        count = len(parity.images.images)
        super().__init__(
            f"expected the decisions of {parity.reference} on {count} images, got "
            f"others:{lines}\ncorrect its spec, export it again, or allow more with gate="
        )
        self.parity = parity


def assert_parity(
    reference: ModelLike,
    candidate: ModelLike,
    data: DataLike,
    *,
    spec: ModelSpec | str | Path | None = None,
    candidate_spec: ModelSpec | str | Path | None = None,
    gate: Gate | str | None = None,
    difference: float | None = None,
    flips: float | None = None,
    auc_loss: float | None = None,
    sensitivity_loss: float | None = None,
    batch_difference: float = BATCH_TOLERANCE,
    images: int | None = None,
) -> Parity:
    """Assert that a candidate decides as its reference does, from file bytes to label.

    Labels, operating points and input of both specs are compared, then the probabilities and the
    labels of every image, the heat maps and features where both models give some, then the
    candidate's probabilities in batches of 1, 2, 7 and 32 images. A limit that is exceeded on too
    few images to be sure is a :class:`ParityWarning`.

    Parameters
    ----------
    reference
        The model that is right. For a package, its ``model.keras``, or its most exact artefact.
    candidate
        The model under test. For a package, every artefact is a candidate.
    data
        Images: files, folders or manifests, decoded and preprocessed as in a scan; files that
        cannot be read are left out and counted. Or their pixels, uint8 of shape (N, H, W, C).
    spec
        Spec of the reference, as a ``ModelSpec`` or the path of a ``spec.json``, in place of the
        one inside. A candidate without a spec uses it, too.
    candidate_spec
        Spec of the candidate, in place of the one inside: if it takes pixels with another scale,
        for example.
    gate
        Limits, or the name of a precision (``fp32``, ``fp16``, ``int8``, ``dynamic``) whose limits
        hold for every candidate. By default the precision in the candidate's spec, and ``fp32`` if
        there is none.
    difference, flips, auc_loss, sensitivity_loss
        Single limits in place of those of ``gate``; see :class:`cxr_edge.models.gates.Gate`.
    batch_difference
        Largest |Δp| between two batch sizes.
    images
        Largest number of images, the same number of each class.

    Returns
    -------
    Parity
        The figures.

    Raises
    ------
    ParityAssertionError
        With every mismatch of every candidate. It is an ``AssertionError`` and a ``ParityError``.
    UsageError
        There is nothing at a path; a gate, spec or kind of model is not known; the reference does
        not take such pixels.
    DataError
        There is no image, or none that can be read.
    ModelError
        A model or spec cannot be used; there is a subclass for each reason.
    """
    __tracebackhide__ = True
    limits = {
        "difference": difference,
        "flips": flips,
        "auc_loss": auc_loss,
        "sensitivity_loss": sensitivity_loss,
    }
    gates = _gates(gate, limits)
    theirs = read_spec(candidate_spec, "candidate_spec")
    known = open_one(reference, read_spec(spec, "spec"), "reference")
    wanted = known.spec
    used = images_from(data, wanted, images)
    expected = run_in_batches(known, used.pixels)
    found = []
    for name, runtime in open_candidates(candidate, theirs, reference, wanted):
        facts = runtime.spec.quantization
        precision = facts.precision if facts else Precision.FP32
        comparison, batches = None, {}
        if size(runtime.spec) == size(wanted):
            pixels = with_channels(used.pixels, runtime.spec.input.channels)
            got = run_in_batches(runtime, pixels)
            comparison = compare_outputs(used, expected, got, wanted, gates[precision])
            batches = batch_differences(runtime, pixels)
        found.append(
            CandidateParity(
                candidate=name,
                provider=runtime.provider,
                precision=precision,
                meaning=tuple(differences_in_meaning(wanted, runtime.spec, channels=False)),
                comparison=comparison,
                batches=batches,
                batch_difference=batch_difference,
            )
        )
    parity = Parity(model_name(reference), used, tuple(found))
    if parity.mismatches:
        raise ParityAssertionError(parity)
    for line in parity.undecided:
        warnings.warn(f"inconclusive: {line}", ParityWarning, stacklevel=2)
    return parity


def _gates(gate: Gate | str | None, limits: dict[str, float | None]) -> dict[Precision, Gate]:
    """Return the gate of each precision."""
    if isinstance(gate, str) and gate not in GATES:
        raise UsageError(f"gate: expected a Gate or one of {', '.join(GATES)}, got {gate!r}")
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return {
        precision: dataclasses.replace(
            gate if isinstance(gate, Gate) else GATES[Precision(gate or precision)], **given
        )
        for precision in GATES
    }
