"""The labelled sample of a site: whether it is large enough for figures."""

from collections.abc import Sequence
from typing import Final

from cxr_edge.datasets.classes import Classes
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.errors import DataError
from cxr_edge.metrics.proportions import wilson

LEAST: Final = 40
"""Images of a class at least: Wilson's interval of any rate is then at most 0.3 wide."""

LEAST_PATIENTS: Final = 10
"""Patients of a class at least, so that each fold leaves several of them to choose by."""


def require_enough(images: Sequence[LabelledImage], classes: Classes, which: str = "") -> None:
    """Check that figures of a site mean something.

    Parameters
    ----------
    images
        Labelled images.
    classes
        Class names: negative, positive.
    which
        Words on which images are counted, for the message.

    Raises
    ------
    DataError
        A class has fewer than :data:`LEAST` images or :data:`LEAST_PATIENTS` patients; the message
        says how wide an interval the images would give.
    """
    for label, name in enumerate(classes):
        patients = [image.patient for image in images if image.label == label]
        got = len(patients)
        if got < LEAST:
            raise DataError(
                f"expected at least {LEAST} images of {name}{which}, got {got}: {_width(got)}; "
                "label more images"
            )
        if len(set(patients)) < LEAST_PATIENTS:
            raise DataError(
                f"expected images of {name} of at least {LEAST_PATIENTS} patients, got "
                f"{len(set(patients))}: images of one patient are alike and tell little of others; "
                "label images of more patients"
            )


def _width(images: int) -> str:
    """Return the interval that a rate of one half would have on so many images of a class."""
    if not images:
        return "without images of both classes there are no figures"
    here, enough = (wilson(count / 2, count) for count in (images, LEAST))
    return (
        f"a rate of 0.5 would be known no better than {here.low:.2f} to {here.high:.2f}, "
        f"with {LEAST} images {enough.low:.2f} to {enough.high:.2f}"
    )
