"""The statistics that a model's input is checked with: how the images that it learned from look."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from cxr_edge.errors import SpecInvalid, SpecUnknown
from cxr_edge.spec.json_fields import build, is_int, is_number, is_text, mapping, sequence
from cxr_edge.spec.packed import unpack

INPUT_STATISTICS_VERSION: Final = 1
"""Version of the statistics; a reader refuses any other."""

KINDS: Final = ("not-a-chest-film", "lateral", "inverted", "rotated", "cropped")
"""Flags that the linear head tells from a frontal chest X-ray, in the order of its rows."""

THUMBNAIL: Final = 16
"""Rows and columns of the small copy of an image that the head sees."""

GRAY_BINS: Final = 16
"""Bins of the histogram that the head sees."""

NOT_LABELLED: Final = "not labelled"
"""Kind of the training hospital's images without a label."""

MOST_TEXT: Final = 200_000
"""Characters that the numbers may take in JSON, together."""

MOST_IMAGES: Final = 1_000_000_000
"""Images of one kind that are counted."""


@dataclass(frozen=True)
class FlaggedImages:
    """Images of one kind, each judged by statistics that were made without its patient."""

    name: str
    """Name of the kind."""
    images: int
    """Count of images."""
    flagged: int
    """Count of those that got a flag."""

    def __post_init__(self) -> None:
        counts = (self.images, self.flagged)
        right = is_text(self.name) and all(is_int(count) for count in counts)
        if not right or not 0 <= self.flagged <= self.images <= MOST_IMAGES:
            raise SpecInvalid(f"input statistics: expected a name and counts, got {self!r}")

    def __str__(self) -> str:
        return f"{self.name}: {self.flagged} of {self.images} flagged"


@dataclass(frozen=True)
class InputStatistics:
    """The distance from the training images, and a linear head over kinds of images.

    An image is seen as s: the roots of the model's features, a thumbnail and a histogram, of
    :func:`cxr_edge.pipeline.statistics_check.see`. The distance is that of the features alone: of
    z = (s - mean) * scale, the squared distance is the sum of (directions @ z)^2 / variances, plus
    what is left of the sum of z^2 over ``rest``, which is Mahalanobis on principal components with
    one variance for all other directions. The head's values are weights @ s + bias.
    """

    features: int
    """Count d of the model's features."""
    components: int
    """Count k of principal components."""
    mean: str
    """d numbers, of :func:`cxr_edge.spec.packed.pack`, like all that follow."""
    scale: str
    """d numbers."""
    directions: str
    """k x d numbers, row by row."""
    variances: str
    """k numbers over 0."""
    rest: float
    """Variance of each direction that is left out."""
    most: float
    """Squared distance above which an image is ``unlike-training-data``."""
    weights: str
    """Numbers of the head, row by row."""
    bias: str
    """A number for each of :data:`KINDS`: an image whose largest value is over 0 gets its flag."""
    groups: tuple[FlaggedImages, ...] = ()
    """Images of the training data by class and appearance, and those of other kinds."""
    version: int = INPUT_STATISTICS_VERSION
    """Version of the statistics."""

    def __post_init__(self) -> None:
        if self.version != INPUT_STATISTICS_VERSION:
            raise SpecUnknown(
                f"input statistics: this version reads {INPUT_STATISTICS_VERSION}, got "
                f"{self.version!r}; install a newer cxr-edge, or export the model again"
            )
        counts = (self.features, self.components)
        if not all(is_int(count) and 0 < count <= MOST_TEXT for count in counts):
            raise SpecInvalid(f"input statistics: expected counts over 0, got {counts!r}")
        if not all(is_number(value) and value > 0 for value in (self.rest, self.most)):
            raise SpecInvalid(
                f"input statistics: expected a variance and a distance over 0, got {self.rest!r} "
                f"and {self.most!r}"
            )
        length = sum(len(str(getattr(self, name))) for name in self._sizes)
        if length > MOST_TEXT:
            raise SpecInvalid(
                f"input statistics: expected up to {MOST_TEXT:,} characters of numbers, got "
                f"{length:,}; export the model again"
            )
        if min(self.numbers("variances")) <= 0:
            raise SpecInvalid("input statistics: expected variances over 0")
        for name in self._sizes:
            self.numbers(name)

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return the numbers of a field.

        Raises
        ------
        SpecInvalid
            They are not as many as the field needs, or not finite.
        """
        return unpack(getattr(self, name), self._sizes[name], f"input statistics: {name}")

    def of_hospital(self, labels: Sequence[str]) -> FlaggedImages:
        """Return the training hospital's images of all kinds together.

        Parameters
        ----------
        labels
            Classes of the model: a class, alone or with an appearance, is the name of such a kind.
        """
        own = tuple(f"{label}, " for label in (*labels, NOT_LABELLED))
        found = [group for group in self.groups if f"{group.name}, ".startswith(own)]
        return FlaggedImages(
            "training hospital",
            sum(group.images for group in found),
            sum(group.flagged for group in found),
        )

    @property
    def digest(self) -> str:
        """SHA-256 of all that is in them."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    @property
    def _sizes(self) -> Mapping[str, int]:
        seen = self.features + THUMBNAIL**2 + GRAY_BINS
        kinds = len(KINDS)
        return {
            "mean": self.features,
            "scale": self.features,
            "directions": self.components * self.features,
            "variances": self.components,
            "weights": kinds * seen,
            "bias": kinds,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return them as JSON-ready data; :meth:`from_dict` is its inverse."""
        return vars(self) | {"groups": [vars(group) for group in self.groups]}

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote; raises SpecInvalid or SpecUnknown for anything else."""
        fields, where = mapping(data, "input statistics"), "input statistics: groups"
        found = sequence(fields.get("groups", []), where)
        fields["groups"] = tuple(build(FlaggedImages, mapping(one, where), where) for one in found)
        if "version" not in fields:
            raise SpecInvalid("input statistics: version missing")
        return build(cls, fields, "input statistics")
