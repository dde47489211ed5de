"""Parity in a project's own tests: models are compared, and every mismatch is told at once."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.errors import ParityError, UsageError
from cxr_edge.models.gates import FULL, GATES, Gate
from cxr_edge.runtimes.batches import run_in_batches
from cxr_edge.spec.model_spec import ModelSpec
from cxr_export.parity.comparison import Comparison, compare_scores
from cxr_export.parity.scoring import BATCH_SIZES, BATCH_TOLERANCE, batches_apart
from cxr_export.testing.inputs import (
    DataLike,
    ModelLike,
    load_images,
    name_of,
    open_candidates,
    open_one,
    read_spec,
    with_channels,
)


@dataclass(frozen=True)
class CandidateParity:
    """One candidate against the reference."""

    candidate: str
    """Name of the file, after that of its package; of a runtime, the name in its spec."""
    provider: str
    """That ran it."""
    precision: str
    """``fp32``, ``fp16``, ``int8`` or ``dynamic``, as its spec says."""
    meaning: tuple[str, ...]
    """What its spec says otherwise than that of the reference."""
    comparison: Comparison | None
    """Of its scores with the reference's; None where it takes images of another size."""
    batches: dict[int, float]
    """Batch size to the largest |Δp| from the scores one by one."""
    batch_difference: float
    """Largest |Δp| allowed between batch sizes."""

    @property
    def mismatches(self) -> list[str]:
        """Every way in which the candidate fails, with numbers."""
        apart = [
            f"batches of {size} and {BATCH_SIZES[0]} differ by {difference:.1e}, "
            f"allowed {self.batch_difference:g}"
            for size, difference in self.batches.items()
            if not difference <= self.batch_difference
        ]
        decisions = self.comparison.mismatches if self.comparison else []
        return [f"{self.candidate}: {line}" for line in (*self.meaning, *decisions, *apart)]

    @property
    def passed(self) -> bool:
        """No mismatch."""
        return not self.mismatches


@dataclass(frozen=True)
class Parity:
    """All candidates against one reference."""

    reference: str
    """Named as :attr:`CandidateParity.candidate` is."""
    images: ImageSet
    """Compared on."""
    candidates: tuple[CandidateParity, ...]
    """One, or one for each artefact of a package."""

    @property
    def mismatches(self) -> list[str]:
        """Of all candidates."""
        return [line for candidate in self.candidates for line in candidate.mismatches]

    @property
    def passed(self) -> bool:
        """No mismatch."""
        return not self.mismatches

    @property
    def rows(self) -> list[dict[str, str]]:
        """One a candidate, by column of a table; flips are in the order of operating points."""
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
                "verdict": "passed" if each.passed else "FAILED",
            }
            for each in self.candidates
        ]


class ParityAssertionError(ParityError, AssertionError):
    """A candidate does not decide as its reference does.

    Parameters
    ----------
    parity
        What was found; kept as the attribute of that name.
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
    labels of every image, then the candidate's probabilities in batches of 1, 2, 7 and 32 images.

    Parameters
    ----------
    reference
        The model as it should be. Of a package, its ``model.keras``, or its most exact artefact.
    candidate
        The model under test. Of a package, every artefact is a candidate.
    data
        Images: files, folders or manifests, decoded and preprocessed as in a scan; files that
        cannot be read are left out and counted. Or their pixels, uint8 of shape (N, H, W, C).
    spec
        What the reference expects and means, as a ``ModelSpec`` or the path of a ``spec.json``,
        where none is inside or in place of it. A candidate without a spec is read by it, too.
    candidate_spec
        The same for the candidate, in place of the one inside: where it gets pixels scaled
        otherwise, for example.
    gate
        Limits, or the name of a precision (``fp32``, ``fp16``, ``int8``, ``dynamic``) whose limits
        hold for every candidate. By default the candidate's precision, as its spec says; ``fp32``
        where it says none.
    difference, flips, auc_loss, sensitivity_loss
        In place of those of ``gate``; see :class:`cxr_edge.models.gates.Gate`.
    batch_difference
        Largest |Δp| between two batch sizes.
    images
        So many at most, of each class alike.

    Returns
    -------
    Parity
        The figures.

    Raises
    ------
    ParityAssertionError
        With every mismatch of every candidate. It is an ``AssertionError`` and a ``ParityError``.
    UsageError
        There is nothing at a path; a gate, spec or kind of model is not known; pixels are not
        such as the reference takes.
    DataError
        There is no image, or none that can be read.
    ModelError
        A model or spec cannot be used; one subclass for each reason.
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
    used = load_images(data, wanted, images)
    expected = run_in_batches(known, used.pixels).scores
    found = []
    for name, runtime in open_candidates(candidate, theirs, reference, wanted):
        facts = runtime.spec.quantization
        precision = facts.precision if facts else FULL
        comparison, batches = None, {}
        if _size(runtime.spec) == _size(wanted):
            pixels = with_channels(used.pixels, runtime.spec.input.channels)
            got = run_in_batches(runtime, pixels).scores
            comparison = compare_scores(used, expected, got, wanted, gates[precision])
            batches = batches_apart(runtime, pixels)
        found.append(
            CandidateParity(
                candidate=name,
                provider=runtime.provider,
                precision=precision,
                meaning=tuple(_meaning(wanted, runtime.spec)),
                comparison=comparison,
                batches=batches,
                batch_difference=batch_difference,
            )
        )
    parity = Parity(name_of(reference), used, tuple(found))
    if not parity.passed:
        raise ParityAssertionError(parity)
    return parity


def _gates(gate: Gate | str | None, limits: dict[str, float | None]) -> dict[str, Gate]:
    """Return the gate of each precision."""
    if isinstance(gate, str) and gate not in GATES:
        raise UsageError(f"gate: expected a Gate or one of {', '.join(GATES)}, got {gate!r}")
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return {
        precision: dataclasses.replace(
            gate if isinstance(gate, Gate) else GATES[gate or precision], **given
        )
        for precision in GATES
    }


def _size(spec: ModelSpec) -> tuple[int, int, str]:
    return spec.input.height, spec.input.width, spec.input.recipe


def _meaning(wanted: ModelSpec, got: ModelSpec) -> list[str]:
    """Return what two specs say otherwise; channels and scaling are the candidate's own affair."""

    def said(spec: ModelSpec) -> dict[str, object]:
        points = ", ".join(f"{point.name} {point.threshold:g}" for point in spec.operating_points)
        return {
            "labels": ", ".join(spec.labels),
            "operating points": points,
            "default operating point": spec.default_operating_point,
            "input": "{}x{}, recipe {}".format(*_size(spec)),
        }

    theirs = said(got)
    return [
        f"{part}: {value} in the spec of the reference, {theirs[part]} in its own"
        for part, value in said(wanted).items()
        if value != theirs[part]
    ]
