"""Comparison of a report's images with those that its model was trained and validated on."""

from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from cxr_edge.errors import RefusedInput, SpecInvalid
from cxr_edge.imaging.image import VERDICTS
from cxr_edge.metrics.stability import TENTHS, stability_index
from cxr_edge.spec.input_statistics import FlaggedImages
from cxr_edge.spec.json_fields import build
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.provenance import are_deciles
from cxr_edge.system.ranges import SHARE

LIMIT: Final = 0.25
"""Population stability index above which a run warns."""

LEAST: Final = 200
"""Images that are enough to compare, and to compare with. With so many, chance alone lifts the
index of 2 of a million runs above :data:`LIMIT`, and of 1 of 100 runs if each patient has two
images that are alike."""

NOT_COMPARED: Final = (
    "the spec is that of a site check, whose thresholds were measured on images of the site"
)
"""Reason why images are not compared, whatever the training images were."""

_DIGITS: Final = 4


@dataclass
class Probabilities:
    """Scored images by tenth of the validation images."""

    compares: ClassVar = "the probabilities"
    deciles: tuple[float, ...]
    """The nine probabilities between the tenths."""
    tenths: list[int] = field(default_factory=lambda: [0] * TENTHS)
    """Scored images in each tenth."""

    def add(self, row: Mapping[str, str]) -> None:
        """Count one row, given by column."""
        if row["status"] != "ok":
            return
        try:
            probability = float(row["probability"])
        except ValueError:  # edited, in a report without a digest
            return
        if probability in SHARE:
            self.tenths[bisect_right(self.deciles, probability)] += 1

    @property
    def images(self) -> int:
        """Count of scored images."""
        return sum(self.tenths)

    @property
    def index(self) -> float | None:
        """Population stability index; None where there are too few images."""
        return stability_index(self.tenths, [1] * TENTHS) if self.images >= LEAST else None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {"index": _rounded(self.index), "images": self.images, **vars(self)}

    def __str__(self) -> str:
        return f"the probabilities differ from those of the validation images ({_told(self.index)})"


@dataclass
class Verdicts:
    """Images that the input check says should not be scored, among all that it saw."""

    compares: ClassVar = "the input check"
    training: FlaggedImages
    """Images of the training hospital, of which the statistics say so."""
    flagged: int = 0
    """Images of the report of which the input check says so."""
    images: int = 0
    """Images of the report that it saw."""

    def add(self, row: Mapping[str, str]) -> None:
        """Count one row, given by column."""
        refused = row["reason"] == RefusedInput.reason
        if refused or row["status"] == "ok":
            self.images += 1
            self.flagged += refused or not VERDICTS.isdisjoint(row["flags"].split(";"))

    @property
    def index(self) -> float | None:
        """Population stability index of two bins; None where there are too few images."""
        if self.images < LEAST:
            return None
        here, there = (self, self.training)
        return stability_index(*((one.flagged, one.images - one.flagged) for one in (here, there)))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {"index": _rounded(self.index), **vars(self)}

    def __str__(self) -> str:
        there = self.training
        return (
            f"{self.flagged} of {self.images} images should not be scored, against {there.flagged} "
            f"of {there.images} of the training hospital ({_told(self.index)})"
        )


@dataclass
class DistributionShift:
    """Both comparisons, as far as the model has something to compare with; rows are added to it."""

    probabilities: Probabilities | None
    """Comparison with the validation images; None for a model without their deciles."""
    input_check: Verdicts | None
    """Comparison with the training images; None for a model without statistics."""
    not_compared: str | None = None
    """Reason why there is no comparison although the model may have something to compare with."""

    @classmethod
    def of(cls, spec: ModelSpec) -> "DistributionShift | None":
        """Return one without rows; None for a model that has nothing to compare with.

        One for the spec of a site compares nothing, and says why.
        """
        if spec.site:
            return cls(None, None, NOT_COMPARED)
        facts = spec.provenance
        deciles = facts.score_deciles if facts and facts.validation_films >= LEAST else ()
        training = spec.input_check.of_hospital(spec.labels) if spec.input_check else None
        return cls._with(deciles, training)

    @classmethod
    def recorded(cls, section: object) -> "DistributionShift | None":
        """Return one without rows that compares with the same as that of a run manifest.

        It is None where there is nothing, or where the section is damaged.
        """
        deciles: tuple[float, ...] = ()
        training = None
        match section:
            case {"not_compared": str()}:
                return cls(None, None, NOT_COMPARED)
            case {"probabilities": {"deciles": [*found]}} if are_deciles(tuple(found)):
                deciles = tuple(found)
        match section:
            case {"input_check": {"training": {} as fields}}:
                with suppress(SpecInvalid):
                    training = build(FlaggedImages, fields, "training")
        return cls._with(deciles, training)

    @classmethod
    def _with(
        cls, deciles: tuple[float, ...], training: FlaggedImages | None
    ) -> "DistributionShift | None":
        probabilities = Probabilities(deciles) if deciles else None
        verdicts = Verdicts(training) if training and training.images else None
        return cls(probabilities, verdicts) if probabilities or verdicts else None

    def add(self, row: Mapping[str, str]) -> None:
        """Count one row, given by column."""
        for part in self._parts:
            part.add(row)

    @property
    def _parts(self) -> list[Probabilities | Verdicts]:
        return [part for part in (self.probabilities, self.input_check) if part]

    @property
    def warning(self) -> str | None:
        """The sentence on what differs and what to do; None where nothing differs much."""
        found = [part for part in self._parts if part.index is not None and part.index > LIMIT]
        if not found:
            return None
        share = "another share of positive images also shifts probabilities; "
        return (
            f"distribution-shift: {', and '.join(map(str, found))}: the model's figures may not "
            f"hold for these images; {share * (self.probabilities in found)}check the model on "
            "labelled images of this site with 'cxr calibrate'"
        )

    def __str__(self) -> str:
        """Return the line of a summary."""
        if warning := self.warning:
            return f"warning: {warning}"
        return f"distribution shift: {self.found}"

    @property
    def found(self) -> str:
        """Words for what was found, where that is no reason to warn."""
        if self.not_compared:
            return f"not compared, since {self.not_compared}"
        told = [
            f"{part.index:.2f} for {part.compares}"
            for part in self._parts
            if part.index is not None
        ]
        if told:
            return f"none seen (index {', '.join(told)}; limit {LIMIT})"
        most = max(part.images for part in self._parts)
        return f"too few images to compare ({most}, expected {LEAST} or more)"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {"limit": LIMIT, "least_images": LEAST, **vars(self), "warning": self.warning}


def _told(index: float | None) -> str:
    return f"population stability index {index:.2f}, limit {LIMIT}"


def _rounded(index: float | None) -> float | None:
    return None if index is None else round(index, _DIGITS)
