"""The answers to an image that the input check says should not be scored."""

from enum import StrEnum


class OnInputCheck(StrEnum):
    """Answers to an image with a flag of :data:`cxr_edge.imaging.image.VERDICTS`."""

    FLAG = "flag"
    """The label stays."""
    REVIEW = "review"
    """The label is withheld: it becomes :data:`cxr_edge.spec.review_band.REVIEW`."""
    FAIL = "fail"
    """The image fails, without a probability."""
