"""The rule that gives an image its label."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from cxr_edge.errors import UsageError
from cxr_edge.imaging.image import VERDICTS
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.on_input_check import OnInputCheck
from cxr_edge.spec.operating_point import PROBABILITY_DECIMALS, OperatingPoint
from cxr_edge.spec.review_band import REVIEW, Limits, is_for_review

CUSTOM: Final = "custom"
"""Name of a threshold that is a number of the user's."""


@dataclass(frozen=True)
class Decision:
    """A threshold, and the labels on its two sides."""

    labels: tuple[str, str]
    """Class names: negative, positive."""
    operating_point: str
    """Name of the operating point, or :data:`CUSTOM`."""
    threshold: float
    """Least probability of the positive label, 6 decimals."""
    review_band: Limits | None = None
    """Limits within which no label is given but :data:`REVIEW`; None to label all images."""
    on_input_check: OnInputCheck = OnInputCheck.FLAG
    """Answer to images that the input check says should not be scored."""

    @classmethod
    def of(
        cls,
        spec: ModelSpec,
        operating_point: str | None = None,
        threshold: float | None = None,
        *,
        review_band: bool = False,
        on_input_check: OnInputCheck = OnInputCheck.FLAG,
    ) -> "Decision":
        """Return the decision for an operating point of the model, or for a threshold.

        Parameters
        ----------
        spec
            Spec of the model.
        operating_point
            Name of a threshold; None for the default one.
        threshold
            Threshold in place of a name.
        review_band
            Whether images in the model's review band are left to a person.
        on_input_check
            Answer to images that should not be scored.

        Raises
        ------
        UsageError
            The model has no operating point of that name, or no review band, or a class of the name
            that stands for review.
        SpecInvalid
            The threshold is not from 0 to 1.
        """
        if threshold is None:
            point = spec.operating_point(operating_point)
        else:
            point = OperatingPoint(CUSTOM, threshold)
        limits = limits_of(spec) if review_band else None
        if on_input_check is OnInputCheck.REVIEW and REVIEW in spec.labels:
            raise UsageError(
                f"--on-input-check {on_input_check}: {spec.name} calls a class {REVIEW!r}, which "
                "is what images that should not be scored are labelled; use flag or fail"
            )
        return cls(spec.labels, point.name, point.threshold, limits, on_input_check)

    @property
    def recorded_answer(self) -> str | None:
        """Answer as a report's identity has it: None where all images are labelled."""
        return None if self.on_input_check is OnInputCheck.FLAG else self.on_input_check.value

    def refuses(self, flags: Collection[str]) -> bool:
        """Tell whether an image with these flags fails."""
        return self.on_input_check is OnInputCheck.FAIL and not VERDICTS.isdisjoint(flags)

    def label(self, probability: float, flags: Collection[str] = ()) -> str:
        """Return the label for a probability, rounded as the report prints it, and for flags."""
        if self.on_input_check is OnInputCheck.REVIEW and not VERDICTS.isdisjoint(flags):
            return REVIEW
        printed = round_probability(probability)
        if self.review_band and is_for_review(printed, self.threshold, self.review_band):
            return REVIEW
        return self.labels[printed >= self.threshold]


def limits_of(spec: ModelSpec) -> Limits:
    """Return the limits of a model's review band.

    Raises
    ------
    UsageError
        It has none, or a class of the name that stands for review.
    """
    if spec.review_band is None and spec.site:
        raise UsageError(
            "--review-band: expected a spec with a review band, got that of a site, which has "
            "none, since a band goes with the model's own thresholds; leave --review-band out, or "
            "leave --spec out for the model's thresholds and band"
        )
    if spec.review_band is None:
        raise UsageError(
            f"--review-band: expected a model whose spec has a review band, {spec.name} has none; "
            "cxr train gives one, from at least 50 images of each class"
        )
    if REVIEW in spec.labels:
        raise UsageError(
            f"--review-band: {spec.name} calls a class {REVIEW!r}, which is what images in the "
            "band are labelled; scan without it"
        )
    return spec.review_band.limits


def round_probability(probability: float) -> float:
    """Round a probability to the decimals of the report, so that its columns agree."""
    return round(float(probability), PROBABILITY_DECIMALS)
