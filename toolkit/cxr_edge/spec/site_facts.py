"""The labelled images of a site that operating points were measured on."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.json_fields import build, is_int, is_text, mapping


@dataclass(frozen=True)
class SiteFacts:
    """The images of a site check, from which a spec has its operating points."""

    images: int
    """Count of images."""
    positives: int
    """Count of images of the positive class."""
    patients: int
    """Count of their patients."""
    data_sha256: str
    """SHA-256 over the sorted SHA-256 digests of the files."""
    date: str
    """Day of the check, as 2026-01-31."""

    def __post_init__(self) -> None:
        counts = (self.images, self.positives, self.patients)
        if (
            not all(is_int(count) and 0 <= count <= self.images for count in counts)
            or not is_text(self.data_sha256)
            or not _is_date(self.date)
        ):
            raise SpecInvalid(f"site: expected counts, a digest and a date, got {self!r}")

    def __str__(self) -> str:
        return (
            f"operating points measured on {self.images} images of {self.patients} patients of a "
            f"site, {self.positives} positive, on {self.date}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote; raises SpecInvalid for anything else."""
        return build(cls, mapping(data, "site"), "site")


def _is_date(text: object) -> bool:
    try:
        return isinstance(text, str) and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
