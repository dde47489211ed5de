"""The outcome of one file: a :class:`Prediction` or a :class:`Failure`."""

from dataclasses import dataclass, field

from cxr_edge.errors import REASONS
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.storage.base import Storage
from cxr_edge.storage.local import LOCAL


@dataclass(frozen=True)
class Prediction:
    """An image that was scored."""

    path: str
    """Path in the report."""
    sha256: str
    """SHA-256 of the file's bytes; empty for pixels that come from no file."""
    source: SourceFacts
    """Facts about the file, with the flags of all checks."""
    probability: float
    """Probability of the positive class, 0 to 1, 6 decimals."""
    threshold: float
    """Threshold that made the label."""
    label: str
    """Class name."""

    def __post_init__(self) -> None:
        for name in ("probability", "threshold"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected 0 to 1, got {getattr(self, name)}")


@dataclass(frozen=True)
class Failure:
    """A file that got no score, and why."""

    path: str
    """Path in the report."""
    sha256: str
    """SHA-256 of the file's bytes; empty where they could not be read."""
    reason: str
    """Code from :data:`cxr_edge.errors.REASONS`."""
    detail: str
    """Explanation in one sentence."""
    format: str = ""
    """Format of the file by its first bytes; empty where they are no image's."""
    file: str = ""
    """Full path of the file; empty for bytes and pixels."""
    storage: Storage = field(default=LOCAL, compare=False, repr=False)
    """Storage that the file is in."""

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise ValueError(f"reason: expected one of {sorted(REASONS)}, got {self.reason!r}")


Outcome = Prediction | Failure
