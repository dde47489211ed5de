"""Overlap of a labelled set with the images that a model was trained on."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.image_set import ImageSet
from cxr_edge.datasets.labelled_image import TRAIN, patient_of
from cxr_edge.datasets.patient_split import in_validation
from cxr_edge.datasets.training_images import TrainingImages
from cxr_edge.spec.model_spec import ModelSpec

ALL: Final = "all images"
"""Name of the group that is always there."""

NOT_TRAINED_ON: Final = "images not trained on"
VALIDATED_ON: Final = "images validated on"
TRAINED_ON: Final = "images trained on"
"""Names of groups; the digests of the images make them."""

OF_VALIDATION: Final = "images of validation patients"
OF_TRAINING: Final = "images of training patients"
"""Names of groups for a model of an earlier version; the file names and its split make them."""

NAMES_ALONE: Final = (
    "Patients were matched by file name only; another data set may use the same names."
)
NOT_LISTED: Final = (
    "The model does not list the images that it was trained on, so it is not known which of these "
    "it has seen."
)


@dataclass(frozen=True)
class Overlap:
    """Images of a labelled set, by what the model has seen of them."""

    headline: str = ALL
    """Name of the group that figures are given for first."""
    groups: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    """Name of a group to the mask of its images, shape (N,); :data:`ALL` is not among them."""
    remarks: tuple[str, ...] = ()
    """Sentences on what is known and what is not."""
    trained_on: int | None = None
    """Count of images that the model learned from; None where that is not known."""
    validated_on: int | None = None
    """Count of images that it was validated on; None where that is not known."""

    def to_dict(self) -> dict[str, Any]:
        """Return counts and remarks as JSON-ready data."""
        return {
            "trained_on": self.trained_on,
            "validated_on": self.validated_on,
            "remarks": list(self.remarks),
        }


def find_overlap(spec: ModelSpec, images: ImageSet, folder: Path | None) -> Overlap:
    """Find the images that a model was trained on.

    They are found by their digests if the model lists its images. A model of an earlier version
    does not; then the file names group the images, but prove nothing.

    Parameters
    ----------
    spec
        Spec of the model.
    images
        N images.
    folder
        Folder of the model's file, where the list is; None if there is none.

    Raises
    ------
    DataError
        The list is damaged.
    """
    facts = spec.provenance
    known = TrainingImages.read(folder, facts.data_sha256) if folder and facts else None
    return _by_digest(images, known) if known else _by_name(spec, images)


def _by_digest(images: ImageSet, known: TrainingImages) -> Overlap:
    trained, validated = known.trained_on(images.sha256), known.validated_on(images.sha256)
    count, seen, used = len(trained), int(trained.sum()), int(validated.sum())
    by = "by SHA-256; the same image in other bytes (another size or format) would not be found."
    remarks = [f"{seen} of {count} images were trained on, {by}"]
    if seen == count:
        remarks.append("No image is new to the model: the figures do not say how good it is.")
    if used:
        remarks.append(
            f"{used} images were validated on: epoch, thresholds and calibration were chosen by "
            "them, so their figures are slightly too good."
        )
    if alike := _of_same_patients(images, trained):
        remarks.append(
            f"{alike} of the other images are of patients of whom images were trained on, so their "
            "figures are too good."
        )
    masks = {NOT_TRAINED_ON: ~trained, VALIDATED_ON: validated, TRAINED_ON: trained}
    return Overlap(
        headline=NOT_TRAINED_ON if 0 < seen < count else ALL,
        groups={name: mask for name, mask in masks.items() if mask.any() and not mask.all()},
        remarks=tuple(remarks),
        trained_on=seen,
        validated_on=used,
    )


def _of_same_patients(images: ImageSet, trained: NDArray[np.bool_]) -> int:
    patients = np.array(images.patients, dtype=object)
    return int(np.isin(patients[~trained].astype(str), patients[trained].astype(str)).sum())


def _by_name(spec: ModelSpec, images: ImageSet) -> Overlap:
    """Group images by patient, as the file names and the split of an earlier version tell them."""
    facts = spec.provenance
    known = all(
        image.split in ("", TRAIN)
        and image.patient == patient_of(image.path.name) != image.path.name
        for image in images.images
    )
    if facts is None or facts.split_seed is None or not known:
        return Overlap(remarks=(NOT_LISTED,))
    held_out = np.array(
        [
            in_validation(image.patient, facts.split_seed, facts.validation_fraction)
            for image in images.images
        ]
    )
    masks = {OF_VALIDATION: held_out, OF_TRAINING: ~held_out}
    groups = {name: mask for name, mask in masks.items() if mask.any()}
    better = "Figures of training patients are better than those of new patients would be."
    if images.digest == facts.data_sha256 and OF_VALIDATION in groups:
        return Overlap(OF_VALIDATION, groups, (better,))  # exactly the images of its run
    return Overlap(ALL, groups, (NOT_LISTED, NAMES_ALONE, better))
