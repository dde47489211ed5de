"""Teachers that may have seen the images that a model's figures are of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.json_fields import build, is_int, is_text, mapping


@dataclass(frozen=True)
class TeacherOverlap:
    """A teacher that learned from validation images, or from images that nobody knows."""

    teacher: str
    """Name and first digits of the digest of the teacher."""
    learned_from: int | None
    """Count of the validation images that it learned from; None where that is not known."""
    images: int
    """Count of the validation images."""

    def __post_init__(self) -> None:
        if not is_text(self.teacher):
            raise SpecInvalid(f"teacher overlap: expected a name, got {self.teacher!r}")
        counts = (self.images, 0 if self.learned_from is None else self.learned_from)
        if not all(is_int(count) and count >= 0 for count in counts):
            raise SpecInvalid(f"teacher overlap: expected counts of images, got {self!r}")

    def __str__(self) -> str:
        if self.learned_from is None:
            return f"what teacher {self.teacher} learned from is not known"
        return (
            f"teacher {self.teacher} learned from {self.learned_from} of the {self.images} "
            "validation images"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote; raises SpecInvalid for anything else."""
        return build(cls, mapping(data, "teacher overlap"), "teacher overlap")


def overlap_statement(overlaps: Sequence[TeacherOverlap]) -> str:
    """Return the words that figures do not stand without; empty where no teacher gives cause."""
    return f"figures may be too good: {'; '.join(map(str, overlaps))}" if overlaps else ""
