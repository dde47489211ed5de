"""What became of one file: a :class:`Prediction` or a :class:`Failure`."""

from dataclasses import dataclass

from cxr_edge.errors import REASONS
from cxr_edge.imaging.image import SourceFacts


@dataclass(frozen=True)
class Prediction:
    """An image that was scored."""

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
            raise ValueError(f"probability: expected 0 to 1, got {self.probability}")


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
            raise ValueError(f"reason: expected one of {sorted(REASONS)}, got {self.reason!r}")


Outcome = Prediction | Failure
