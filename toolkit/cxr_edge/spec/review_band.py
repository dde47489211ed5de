"""The band of probabilities in which a person should decide."""

from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.json_fields import build, is_int, is_number, is_text, mapping, sequence
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS

REVIEW: Final = "review"
"""Label of an image that a person should decide on."""


Limits: TypeAlias = tuple[float, float]
"""Probability from which a negative label is withheld, and that up to which a positive one is."""


def is_for_review(probability: float, threshold: float, limits: Limits) -> bool:
    """Tell whether the label of an image is withheld.

    Parameters
    ----------
    probability
        P(positive class), rounded as the report prints it.
    threshold
        Threshold of the scan.
    limits
        Limits of the review band.
    """
    low, high = limits
    return probability >= low if probability < threshold else probability <= high


@dataclass(frozen=True)
class BandGroup:
    """Images of one class and appearance, each judged by a band chosen without its patient."""

    name: str
    """Name of the class and the appearance."""
    images: int
    """Count of images."""
    wrong: int
    """Count of images that got the wrong label, at the default operating point."""
    review: int
    """Count of images that got no label."""

    def __post_init__(self) -> None:
        counts = (self.images, self.wrong, self.review)
        right = is_text(self.name) and all(is_int(count) and count >= 0 for count in counts)
        if not right or self.wrong + self.review > self.images:
            raise SpecInvalid(f"review band: expected a name and counts, got {self!r}")

    @property
    def coverage(self) -> float | None:
        """Share of images that did not get the wrong label; None without images."""
        return 1 - self.wrong / self.images if self.images else None


@dataclass(frozen=True)
class ReviewBand:
    """Limits within which an image is labelled :data:`REVIEW` in a scan that asks for it.

    An image under the threshold is negative below ``low`` and for review from there; an image at
    the threshold or over it is positive above ``high`` and for review up to there.
    """

    coverage: float
    """Share of the images of each class and appearance that are not to get the wrong label."""
    low: float
    """Probability below which at most 1 - coverage of positive images lie."""
    high: float
    """Probability above which at most 1 - coverage of negative images lie."""
    groups: tuple[BandGroup, ...]
    """Measured coverage by class and appearance."""

    def __post_init__(self) -> None:
        values = (self.coverage, self.low, self.high)
        if not all(is_number(value) and 0 <= value <= 1 for value in values):
            raise SpecInvalid(f"review band: expected three shares from 0 to 1, got {values!r}")
        for name in ("low", "high"):
            object.__setattr__(self, name, round(getattr(self, name), PROBABILITY_DECIMALS))

    @property
    def limits(self) -> Limits:
        """The limits, the lower one first."""
        return self.low, self.high

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        return vars(self) | {"groups": [vars(group) for group in self.groups]}

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote; raises SpecInvalid for anything else."""
        fields = mapping(data, "review band")
        found = sequence(fields.get("groups"), "review band: groups")
        where = "review band: groups"
        fields["groups"] = tuple(build(BandGroup, mapping(one, where), where) for one in found)
        return build(cls, fields, "review band")
