"""Split that holds out the images that look like the other class."""

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import TRAIN, VALIDATION
from cxr_edge.datasets.listing import require_both_classes
from cxr_edge.datasets.patient_split import hold_out
from cxr_edge.datasets.styles import Styles
from cxr_edge.errors import DataError


def split_by_style(
    images: ImageSet, styles: Styles, seed: int, fraction: float
) -> tuple[ImageSet, ImageSet]:
    """Split so that no counter-style image, and no image of its patient, is trained on.

    The validation images are all images of patients with a counter-style image, and those of a
    share of the other patients.

    Parameters
    ----------
    images
        N images.
    styles
        Their clusters by appearance.
    seed
        Seed of the share.
    fraction
        Share of the other patients that is held out too.

    Returns
    -------
    training, validation
        The two sides; no patient is on both.

    Raises
    ------
    DataError
        No image is counter-style, or a side lacks a class.
    """
    if not styles.counter.any():
        raise DataError(
            f"expected images that look like the other class, none of {len(images.images)} does; "
            "add such images"
        )
    unlike = {
        image.patient for image, odd in zip(images.images, styles.counter, strict=True) if odd
    }
    others = [image for image in images.images if image.patient not in unlike]
    patients = unlike | hold_out(others, seed, fraction)
    held_out = [image.patient in patients for image in images.images]
    sides = images.where([not held for held in held_out]), images.where(held_out)
    for name, side in zip((TRAIN, VALIDATION), sides, strict=True):
        where = f"on the {name} side of the split by style"
        require_both_classes(side.images, side.classes, where, "add images")
    return sides
