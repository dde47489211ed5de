"""What became of one file: a :class:`Prediction` or a :class:`Failure`."""

from dataclasses import dataclass

from cxr_edge.errors import REASONS
from cxr_edge.images import SourceFacts
from cxr_edge.spec import PROBABILITY_DECIMALS, ModelSpec, OperatingPoint


@dataclass(frozen=True)
class Decision:
    """How a probability becomes a label."""

    labels: tuple[str, str]
    """Negative, positive."""
    operating_point: str
    """Its name, ``custom`` for a threshold given by hand."""
    threshold: float
    """Positive from here on, 6 decimals."""

    @classmethod
    def of(
        cls, spec: ModelSpec, operating_point: str | None = None, threshold: float | None = None
    ) -> "Decision":
        """Return the decision by name, or by a threshold of one's own.

        Raises
        ------
        UsageError
            The model has no operating point of that name.
        SpecInvalid
            The threshold is not from 0 to 1.
        """
        if threshold is None:
            point = spec.operating_point(operating_point)
        else:
            point = OperatingPoint("custom", threshold)
        return cls(spec.labels, point.name, point.threshold)

    def label(self, probability: float) -> str:
        """Return the label, judged by the probability as the report prints it."""
        return self.labels[round_probability(probability) >= self.threshold]


def round_probability(probability: float) -> float:
    """Round to the decimals of the report, so that its columns never contradict each other."""
    return round(float(probability), PROBABILITY_DECIMALS)


@dataclass(frozen=True)
class Prediction:
    """A film that was scored."""

    path: str
    """As in the report."""
    sha256: str
    """Of the file's bytes."""
    source: SourceFacts
    """Of the file."""
    probability: float
    """P(positive class), 0 to 1, 6 decimals."""
    threshold: float
    """That made the label."""
    label: str
    """Class name."""

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability: expected 0 to 1, came {self.probability}")


@dataclass(frozen=True)
class Failure:
    """A file that got no score, and why."""

    path: str
    """As in the report."""
    sha256: str
    """Of the file's bytes; empty where they could not be read."""
    reason: str
    """One of :data:`cxr_edge.errors.REASONS`."""
    detail: str
    """One sentence for a person."""
    format: str = ""
    """Of the file, where its first bytes tell."""
    file: str = ""
    """Where it is."""

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise ValueError(f"reason: expected one of {sorted(REASONS)}, came {self.reason!r}")


Outcome = Prediction | Failure
