"""The labelled images of a site that operating points were measured on."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.interval import Interval
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
    auc: Interval | None = None
    """Area under the ROC curve on them; None in a spec of a version that did not write it."""

    def __post_init__(self) -> None:
        counts = (self.images, self.positives, self.patients)
        if (
            not all(is_int(count) and 0 <= count <= self.images for count in counts)
            or not is_text(self.data_sha256)
            or not _is_date(self.date)
            or not (self.auc is None or isinstance(self.auc, Interval))
        ):
            raise SpecInvalid(f"site: expected counts, a digest and a date, got {self!r}")

    @property
    def sample(self) -> str:
        """Words for the images."""
        return (
            f"{self.images} images of {self.patients} patients of a site, {self.positives} "
            f"positive, on {self.date}"
        )

    def __str__(self) -> str:
        area = f"; AUC there {self.auc}" if self.auc else ""
        return f"operating points measured on {self.sample}{area}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        area = {"auc": self.auc.to_dict()} if self.auc else {}
        return {name: value for name, value in vars(self).items() if name != "auc"} | area

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote; raises SpecInvalid for anything else."""
        fields = mapping(data, "site")
        if fields.get("auc") is not None:
            fields["auc"] = Interval.from_dict(fields["auc"])
        return build(cls, fields, "site")


def _is_date(text: object) -> bool:
    try:
        return isinstance(text, str) and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
